import pg from 'pg';
import { sha256 } from '../../src/api-keys.js';
import { postgresApiKeys } from '../../src/postgres.js';
import { ask, only } from './postgres-tables.js';

// A process in a time zone of its own: prints in how many seconds each key ends.

const address = { host: '127.0.0.1', user: 'postgres', database: 'postgres' };
const pool = new pg.Pool({ ...address, port: Number(process.argv[2]), max: 1 });
const now = Date.UTC(2030, 0);
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
const zoned = `zoned_${process.pid}`;
const keys = {
  ended: at(-60),
  lasting: at(60),
  never: '9999-12-31T23:59:59Z',
  infinity: 'infinity',
};

for (const [table, type] of [
  [zoned, 'timestamptz'],
  [`${zoned}_not`, 'timestamp'],
] as const) {
  await pool.query(`create table ${table} (id text, digest text, expires_at ${type})`);
  for (const [name, end] of Object.entries(keys)) {
    const row = [name, sha256.digest(name), end];
    await pool.query(`insert into ${table} values ($1, $2, $3)`, row);
  }
}

const columns = only('expiresAt');
const found: Record<string, unknown> = { zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
for (const name of Object.keys(keys)) {
  const record = await ask(postgresApiKeys(pool, { table: zoned, columns }), name);
  const left = record?.expiresAt === undefined ? 'none' : record.expiresAt - now / 1000;
  found[name] = name === 'never' ? record?.expiresAt : left;
}
const zoneless = ask(postgresApiKeys(pool, { table: `${zoned}_not`, columns }), 'ended');
found.zoneless = await zoneless.catch((error: { readonly code: unknown }) => error.code);
process.stdout.write(JSON.stringify(found));
await pool.end();
