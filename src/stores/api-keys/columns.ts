import { checkName } from '../postgres-names.js';
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
