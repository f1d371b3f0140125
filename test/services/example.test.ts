import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgres, type PostgresServer, postgresPrograms } from './postgres-server.js';
import { describeWith } from './service.js';

describeWith(postgresPrograms, 'the example of PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await openPostgres();
  });
  afterAll(() => server?.close());

  test('runs to its end, with the built package', async () => {
    const DATABASE_URL = `postgres://postgres@127.0.0.1:${server.port}/postgres`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'examples/postgres-keys.ts'],
      { env: { ...process.env, DATABASE_URL } },
    );
    expect(stdout).toContain("the shop's key: 200");
    expect(stdout).toMatch(/ERR_API_KEY_INVALID\s*$/);
    expect(stdout).not.toContain('skipped');
  });
});
