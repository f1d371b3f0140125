import type pg from 'pg';
import { sha256 } from '../../src/api-keys.js';
import type { ApiKeyLookup } from '../../src/index.js';
import type { PostgresColumns } from '../../src/postgres.js';

/** Makes a table of these columns, and answers its name. */
export type MakeTable = (columns: string) => Promise<string>;

export function createMaker(pool: pg.Pool): MakeTable {
  let tables = 0;
  return async (columns) => {
    tables += 1;
    await pool.query(`create table keys_${tables} (${columns})`);
    return `keys_${tables}`;
  };
}

/** The digest of each key, by its id. */
export async function digestsIn(pool: pg.Pool, table: string): Promise<Record<string, string>> {
  const { rows } = await pool.query(`select id, digest from ${table} order by id`);
  return Object.fromEntries(rows.map(({ id, digest }) => [id, digest]));
}

const members = [
  'clientId',
  'orgId',
  'subject',
  'scopes',
  'expiresAt',
  'disabled',
  'environment',
  'createdBy',
] as const satisfies (keyof PostgresColumns)[];

/** The columns of a table that has these, id and digest, and no others. */
export const only = (...there: (keyof PostgresColumns)[]): PostgresColumns =>
  Object.fromEntries(
    members.filter((member) => !there.includes(member)).map((member) => [member, false]),
  );

export const ask = (lookup: ApiKeyLookup, value: string) =>
  lookup({ value, sha256: sha256.digest(value) });
