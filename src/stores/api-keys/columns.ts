import { mistake, settingsOf } from '../settings.js';

const named = {
  id: 'id',
  digest: 'digest',
  clientId: 'client_id',
  orgId: 'org_id',
  subject: 'subject',
  scopes: 'scopes',
  expiresAt: 'expires_at',
  disabled: 'disabled',
  environment: 'environment',
  createdBy: 'created_by',
  issuer: false,
  metadata: false,
} as const;

/** A member of a record, or the digest; the last two are only there if a column is named for them. */
export type Member = keyof typeof named;

/** What a column is called; `false` where there is none. */
export type PostgresColumns = { readonly [M in 'id' | 'digest']?: string } & {
  readonly [M in Exclude<Member, 'id' | 'digest'>]?: string | false;
};

/** The name of each column that there is. */
export type Columns = Readonly<Record<'id' | 'digest', string>> &
  Readonly<Partial<Record<Member, string>>>;

/**
 * The names of the columns, as they are in the table.
 * @throws ConfigError for what is no member, and for what can be no name
 */
export function columnsOf(where: string, given: PostgresColumns = {}): Columns {
  const members = Object.keys(named) as Member[];
  const renamed = settingsOf(where, given, members);
  const columns: Partial<Record<Member, string>> = {};
  for (const member of members) {
    const name: unknown = member in renamed ? renamed[member] : named[member];
    if (name === false && member !== 'id' && member !== 'digest') continue;
    if (name === false) throw mistake(`${where}.${member}`, 'cannot be left out');
    columns[member] = checkName(`${where}.${member}`, name);
  }
  return columns as Columns;
}

/** A table, with its schema or without, as SQL. */
export function tableOf(where: string, given: unknown): string {
  const parts = typeof given === 'string' ? given.split('.') : [given];
  if (parts.length > 2) throw mistake(where, 'has more than one dot: write table or schema.table');
  return parts.map((part) => quote(checkName(where, part))).join('.');
}

/** A name as SQL, whatever is in it. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function checkName(where: string, name: unknown): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw mistake(where, 'is no name of Postgres');
  }
  // Postgres would cut it, and find another name.
  if (Buffer.byteLength(name) > 63) throw mistake(where, 'is over 63 bytes');
  return name;
}
