import { execFile, execFileSync } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { PostgresPool } from '../../src/postgres.js';
import { find, freePort, runService, type Service, until } from './service.js';

export const postgresPrograms = ['initdb', 'postgres', 'pg_basebackup', 'ps'];

/** A PostgreSQL of its own. */
export interface PostgresServer extends Service {
  /** A pool that goes on when its connections break. */
  pool(options?: pg.PoolConfig): pg.Pool;
  /** Ends its pools and itself, and leaves nothing behind. */
  close(): Promise<void>;
}

/** Starts a server; or, where there is a primary, a replica that can only be read. */
export async function openPostgres(primary?: Service): Promise<PostgresServer> {
  const user = userOf();
  const [port, cwd] = [await freePort(), await mkdtemp(join(tmpdir(), 'sallyport-postgres-'))];
  if (user) await chown(cwd, user.uid, user.gid);
  const data = join(cwd, 'data');
  const run = (program: string, ...args: string[]) =>
    promisify(execFile)(find(program) as string, args, { cwd, ...user, env: { LC_ALL: 'C' } });
  if (primary) {
    const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres'];
    await run('pg_basebackup', '-D', data, '-R', '-X', 'stream', '-c', 'fast', '-N', ...from);
  } else {
    await run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '-N');
  }
  const service = runService({
    file: find('postgres') as string,
    args: ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', '', '-F'],
    port,
    cwd,
    ...(user && { user }),
    ready: /ready to accept (read-only )?connections/,
    stopBy: 'SIGINT',
  });
  await service.start();
  const pools: pg.Pool[] = [];
  return {
    ...service,
    pool(options) {
      const address = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' };
      const pool = new pg.Pool({ ...address, ...options });
      pool.on('error', () => {});
      pools.push(pool);
      return pool;
    },
    async close() {
      service.resume();
      await Promise.all(pools.map((pool) => pool.end()));
      await service.kill();
      await rm(cwd, { recursive: true, force: true });
    },
  };
}

// PostgreSQL does not run as root.
function userOf() {
  if (process.getuid?.() !== 0) return undefined;
  const id = (which: string) =>
    Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }).trim());
  return { uid: id('-u'), gid: id('-g') };
}

/** A pool, and all that was asked of it. */
export function watch(pool: PostgresPool) {
  const asked: { readonly text: string; readonly answer: Promise<unknown> }[] = [];
  const watched: PostgresPool = {
    query(text, values) {
      const answer = pool.query(text, values);
      asked.push({ text, answer });
      return answer;
    },
  };
  return {
    pool: watched,
    /** How each update ended, of those since it was last asked, once there are so many. */
    async updates(count: number): Promise<string[]> {
      const isUpdate = ({ text }: { readonly text: string }) => text.startsWith('update');
      await until(() => asked.filter(isUpdate).length >= count);
      const updates = asked.splice(0).filter(isUpdate);
      const settled = await Promise.allSettled(updates.map(({ answer }) => answer));
      return settled.map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code));
    },
  };
}
