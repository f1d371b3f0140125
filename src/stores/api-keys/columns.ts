import { checkName } from '../postgres-names.js';
import { mistake, settingsOf } from '../settings.js';

const defaultNames = {
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

/** The digest, or a member of a record. `issuer` and `metadata` have no column by default. */
export type Member = keyof typeof defaultNames;

/** The names of the columns; `false` if the table does not have one. */
export type PostgresColumns = { readonly [M in 'id' | 'digest']?: string } & {
  readonly [M in Exclude<Member, 'id' | 'digest'>]?: string | false;
};

/** The names of the columns that the table has. */
export type Columns = Readonly<Record<'id' | 'digest', string>> &
  Readonly<Partial<Record<Member, string>>>;

/**
 * Returns the names of the columns: those that are given, otherwise the defaults.
 * @throws ConfigError if a member is unknown or a name is invalid
 */
export function columnsOf(where: string, given: PostgresColumns = {}): Columns {
  const members = Object.keys(defaultNames) as Member[];
  const renamed = settingsOf(where, given, members);
  const columns: Partial<Record<Member, string>> = {};
  for (const member of members) {
    const name: unknown = member in renamed ? renamed[member] : defaultNames[member];
    if (name === false && member !== 'id' && member !== 'digest') continue;
    if (name === false) {
      throw mistake(`${where}.${member}`, 'must be the name of a column; got false');
    }
    columns[member] = checkName(`${where}.${member}`, name);
  }
  return columns as Columns;
}
