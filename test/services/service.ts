import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe } from 'vitest';

/** A server that was spawned: what can happen to one, can be made to happen to it. */
export interface Service {
  readonly port: number;
  /** Resolves once it is ready for connections; after `stop` and `kill`, where it was before. */
  start(): Promise<void>;
  /** Ends it in an orderly way. */
  stop(): Promise<void>;
  /** Ends it, and all processes of its own, without a warning: SIGKILL. */
  kill(): Promise<void>;
  /** Keeps its connections, and answers nothing: SIGSTOP. */
  pause(): void;
  resume(): void;
  /** Resolves once it has printed this, since it was last started. */
  said(pattern: RegExp): Promise<void>;
}

/** How a server is run. */
export interface Run {
  readonly file: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly ready: RegExp;
  /** What tells it to end, and not to wait for its clients. */
  readonly stopBy: NodeJS.Signals;
}

/** Runs a server. It is not started yet. */
export function runService({ file, args, port, cwd, env, user, ready, stopBy }: Run): Service {
  let child: ChildProcess | undefined;
  let printed = '';
  const waiting = new Set<() => void>();

  function hear(chunk: string): void {
    printed += chunk;
    for (const look of waiting) look();
  }

  function said(pattern: RegExp): Promise<void> {
    const running = child;
    return new Promise((resolve, reject) => {
      const look = () => {
        const ended = running?.exitCode !== null || running.signalCode !== null;
        if (!pattern.test(printed) && !ended) return;
        waiting.delete(look);
        if (pattern.test(printed)) resolve();
        else reject(new Error(`${file} ended, and said:\n${printed.slice(-2_000)}`));
      };
      waiting.add(look);
      look();
    });
  }

  async function end(how: (pid: number) => readonly number[]): Promise<void> {
    if (child?.pid === undefined) return;
    const exited = once(child, 'exit');
    const pids = how(child.pid);
    await exited;
    child = undefined;
    await until(() => !processes().some(({ pid }) => pids.includes(pid)));
  }

  const service: Service = {
    port,
    said,
    async start() {
      if (child) return;
      printed = '';
      const started = spawn(file, args, { cwd, ...user, env: { LC_ALL: 'C', TZ: 'UTC', ...env } });
      child = started;
      started.once('exit', () => hear(''));
      for (const stream of [started.stdout, started.stderr]) {
        stream.setEncoding('utf8').on('data', hear);
      }
      await said(ready);
    },
    stop: () =>
      end((pid) => {
        signal([pid], stopBy);
        return [pid];
      }),
    kill: () =>
      end((pid) => {
        // Stopped first, it makes no new process while its processes are counted.
        signal([pid], 'SIGSTOP');
        const pids = [...descendants(pid), pid];
        signal(pids, 'SIGKILL');
        return pids;
      }),
    pause() {
      if (child?.pid === undefined) return;
      signal([child.pid], 'SIGSTOP');
      signal(descendants(child.pid), 'SIGSTOP');
    },
    resume() {
      if (child?.pid !== undefined) signal([...descendants(child.pid), child.pid], 'SIGCONT');
    },
  };
  process.once('exit', () => child?.kill('SIGKILL'));
  return service;
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** All that run; what is dead and only not yet buried does not. */
function processes() {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return [...lines.matchAll(/^\s*(\d+)\s+(\d+)\s+([^Z\s])/gm)].map(([, pid, parent]) => ({
    pid: Number(pid),
    parent: Number(parent),
  }));
}

function descendants(of: number): number[] {
  const all = processes();
  const found = [of];
  for (const one of found) {
    found.push(...all.filter(({ parent }) => parent === one).map(({ pid }) => pid));
  }
  return found.slice(1);
}

/** Waits for what no server tells. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i += 1) {
    if (await holds()) return;
    await delay(20);
  }
  throw new Error(`in ten seconds it never came true: ${holds}`);
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Where a program is: on PATH, or where Debian keeps PostgreSQL's; the newest first. */
export function find(name: string): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = list(debian).sort((a, b) => Number(b) - Number(a));
  const places = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
  ];
  return places.map((place) => join(place, name)).find(isProgram);
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Tests that need these programs. Without one they are skipped, or fail if services are required. */
export function describeWith(programs: readonly string[], title: string, tests: () => void): void {
  const missing = programs.filter((name) => find(name) === undefined);
  if (missing.length === 0) return void describe(title, tests);
  const reason = `${title}: there is no ${missing.join(', no ')} on this machine`;
  if (process.env.SALLYPORT_SERVICES === 'required') throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  describe.skip(title, tests);
}
