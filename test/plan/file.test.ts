import { spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  ConfigError,
  createGuard,
  type MigrationEvent,
  type MigrationPlan,
} from '../../src/index.js';
import { checkPlan, planFile } from '../../src/plan.js';
import { createTestIssuer } from '../../src/testing.js';
import { requestOf, verdict } from '../rfc/ask.js';
import { inFull } from '../runs.js';
import { createClock } from '../token/jwks-server.js';

const { now } = createClock();
const issuer = await createTestIssuer({ now });

/** A file that is there whole, or not at all. */
function fileOf(first?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'plan-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'plan.json');
  const save = (content: string) => {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  };
  if (first !== undefined) save(first);
  return { path, folder, save, remove: () => rmSync(path) };
}

const written = (plan: MigrationPlan) => `${JSON.stringify(plan, undefined, 2)}\n`;

/** A guard that goes by a file, and what its operators hear. */
function open(path: string | URL) {
  const events: MigrationEvent[] = [];
  const waiting: (() => void)[] = [];
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: value }),
      plan: planFile(path, { pollInterval: 0.005 }),
      onMigration: (event) => {
        events.push(event);
        for (const wake of waiting.splice(0)) wake();
      },
    },
  });
  onTestFinished(() => guard.close());
  return {
    guard,
    events,
    ask: async () => verdict(await guard(requestOf({ 'x-api-key': 'acme' }))),
    /** The next event of a kind. */
    async next(kind: MigrationEvent['kind']) {
      for (let seen = events.length; ; seen += 1) {
        while (events.length <= seen) await new Promise<void>((done) => waiting.push(done));
        if (events[seen]?.kind === kind) return events[seen];
      }
    },
  };
}

test('what is saved is in force without a restart', async () => {
  const file = fileOf(written({}));
  const { ask, events, next } = open(file.path);
  expect(await ask()).toBe('allowed');
  file.save(written({ mode: 'token-only' }));
  expect(await next('plan')).toMatchObject({ changed: ['mode'] });
  expect(await ask()).toBe('ERR_API_KEY_MIGRATED');
  file.save(written({ clients: { acme: 'dual' }, mode: 'token-only' }));
  expect(await next('plan')).toMatchObject({ changed: ['clients'] });
  expect(await ask()).toBe('allowed');
  expect(events.filter(({ kind }) => kind === 'plan-failed')).toEqual([]);
});

test('a mistake leaves the last good plan in force, and is told with its line', async () => {
  const file = fileOf(written({ mode: 'token-only' }));
  const { ask, guard, next } = open(file.path);
  file.save('{\n  "mode": "token-only",\n  "mod": "dual"\n}');
  const detail = expect.stringMatching(/plan\.mod \(line 3\).*"mode"/);
  expect(await next('plan-failed')).toEqual({ time: now(), kind: 'plan-failed', detail });
  expect(await ask()).toBe('ERR_API_KEY_MIGRATED');
  await guard.ready();
  file.save(written({ mode: 'dual' }));
  await next('plan');
  expect(await ask()).toBe('allowed');
});

test('a file that is gone leaves the last good plan in force, until it is back', async () => {
  const file = fileOf(written({ mode: 'token-only' }));
  const { ask, next } = open(file.path);
  file.remove();
  expect(await next('plan-failed')).toMatchObject({ detail: expect.stringContaining('ENOENT') });
  expect(await ask()).toBe('ERR_API_KEY_MIGRATED');
  file.save(written({ mode: 'dual' }));
  await next('plan');
  expect(await ask()).toBe('allowed');
});

test('a file that is saved as it was is no new plan', async () => {
  const file = fileOf(written({ mode: 'dual', guide: 'https://docs.test/' }));
  const { events, next } = open(file.path);
  await next('plan');
  file.save(written({ guide: 'https://docs.test/', mode: 'dual' }));
  file.save('{ "guide": "https://docs.test/",\t"mode":"dual" }\r\n');
  file.remove();
  await next('plan-failed');
  expect(events.filter(({ kind }) => kind === 'plan')).toHaveLength(1);
});

test('half of a file is no plan, wherever it is cut', async () => {
  const whole = written({ clients: { acme: 'token-only' }, mode: 'dual' }).trimEnd();
  for (let end = 0; end < whole.length; end += 1) {
    expect(() => checkPlan(whole.slice(0, end))).toThrow(ConfigError);
  }
});

test('a file may be named by its URL', () => {
  const file = fileOf(written({}));
  expect(planFile(pathToFileURL(file.path))).toMatchObject({
    initial: written({}),
    pollInterval: 5,
  });
});

describe('at start-up', () => {
  test.each([
    ['a name that is not known', '{\n  "mode": "dual",\n  "sunset": "2030-01-01"\n}', 'line 3'],
    ['a wrong date', '{\n\n\n  "sunsetAt": "2030-02-30T00:00:00Z"\n}', 'line 4'],
    ['a missing comma', '{\n  "mode": "dual"\n  "guide": "https://docs.test"\n}', 'line 3'],
    ['nothing in it', '', 'line 1'],
    ['a byte order mark', '\uFEFF{}', 'byte order mark'],
  ])('%s is a ConfigError that tells where', (_, content, place) => {
    const { path } = fileOf(content);
    expect(() => planFile(path)).toThrow(ConfigError);
    expect(() => planFile(path)).toThrow(place);
  });

  test('a file that cannot be read is the file system’s error', () => {
    const { path, folder } = fileOf();
    expect(() => planFile(path)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => planFile(folder)).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    expect(() => planFile(path)).not.toThrow(ConfigError);
  });

  test('the plan is in force before anything is read again', async () => {
    const file = fileOf(written({ mode: 'token-only' }));
    const source = planFile(file.path);
    file.remove();
    const load = vi.fn(source.load);
    const guard = createGuard({
      ...issuer.options,
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async ({ value }) => ({ id: value }),
        plan: { ...source, load },
        onMigration: () => {},
      },
    });
    onTestFinished(() => guard.close());
    const decision = guard(requestOf({ 'x-api-key': 'acme' }));
    expect(verdict(await decision)).toBe('ERR_API_KEY_MIGRATED');
    expect(load).toHaveBeenCalledOnce();
  });

  test.each([0, -5, Number.NaN, '5'])('it cannot be read every %s seconds', (every) => {
    const { path } = fileOf(written({}));
    const plan = planFile(path, { pollInterval: every } as never);
    const apiKeys = { from: [{ header: 'x-api-key' }], lookup: async () => undefined, plan };
    expect(() => createGuard({ ...issuer.options, apiKeys })).toThrow('plan.pollInterval');
  });
});

/** What a process says that makes guards, asks them, and is left to itself. */
async function run(path: string, end: string) {
  const script = `
    import { createGuard } from './src/index.js';
    import { planFile } from './src/plan.js';
    const request = { method: 'GET', url: '/', header: (name) => name === 'x-api-key' ? 'k' : undefined };
    async function open(plan) {
      const guard = createGuard({
        issuer: 'https://issuer.test',
        audience: 'https://api.test',
        apiKeys: {
          from: [{ header: 'x-api-key' }],
          lookup: async () => ({ id: 'acme' }),
          plan,
          onMigration: () => {},
        },
      });
      const decision = await guard(request);
      console.log(decision.allowed ? 'allowed' : decision.error.code);
      return guard;
    }
    const guards = [
      await open(planFile(${JSON.stringify(path)}, { pollInterval: 0.005 })),
      await open({ load: () => new Promise(() => {}) }),
    ];
    ${end}
  `;
  const node = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: new URL('../..', import.meta.url), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  onTestFinished(() => void node.kill());
  const code = new Promise<number | null>((done) => node.once('close', done));
  const [out, err] = await Promise.all([text(node.stdout), text(node.stderr)]);
  return { out, err, code: await code };
}

test.runIf(inFull)(
  'a process ends by itself, its guards closed or not',
  { timeout: 20_000 },
  async () => {
    const { path } = fileOf(written({ mode: 'token-only' }));
    const close = 'for (const guard of guards) await guard.close();';
    const done = { out: 'ERR_API_KEY_MIGRATED\nERR_PLAN_UNAVAILABLE\n', err: '', code: 0 };
    expect(await Promise.all([run(path, close), run(path, '')])).toEqual([done, done]);
  },
);
