import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { auditLog } from '../../src/audit.js';
import { createGuard, type DecisionEvent, type Guard } from '../../src/index.js';
import { answerReports } from '../../src/report/mount.js';
import { createTestIssuer } from '../../src/testing.js';
import { bearing, judge, requestOf } from '../rfc/ask.js';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A guard that was made before anybody touched the clock, and a token for it. */
async function openEarly(onDecision?: (event: DecisionEvent) => void) {
  const issuer = await createTestIssuer();
  const guard = createGuard({ ...issuer.options, ...(onDecision && { onDecision }) });
  onTestFinished(() => guard.close());
  return { issuer, guard, token: await issuer.token({ expiresIn: 300 }) };
}

test('fake timers move a guard that exists already, and the test issuer with it', async () => {
  const events: DecisionEvent[] = [];
  const { guard, token, issuer } = await openEarly((event) => void events.push(event));
  expect(await judge(guard, token)).toBe('allowed');
  vi.useFakeTimers({ now: Date.now() + 3_600_000 });
  expect(await judge(guard, token)).toBe('ERR_TOKEN_EXPIRED');
  expect(await judge(guard, await issuer.token())).toBe('allowed');
  expect(events.at(-1)?.time).toBe(Date.now());
});

test('a spy on Date.now moves a guard that exists already', async () => {
  const { guard, token } = await openEarly();
  const spy = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  expect(await judge(guard, token)).toBe('ERR_TOKEN_EXPIRED');
  spy.mockRestore();
  expect(await judge(guard, token)).toBe('allowed');
});

test('a spy on Date.now moves the cache of API keys', async () => {
  const { issuer } = await openEarly();
  let asked = 0;
  const lookup = async () => {
    asked += 1;
    return { id: 'key_1' };
  };
  const from = [{ header: 'x-api-key' }];
  const guard: Guard = createGuard({ ...issuer.options, apiKeys: { from, lookup } });
  onTestFinished(() => guard.close());
  const ask = () => guard(requestOf({ 'x-api-key': 'key' }));
  await ask();
  await ask();
  expect(asked).toBe(1);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 120_000);
  await ask();
  expect(asked).toBe(2);
});

test('a spy on Date.now moves a report page that is mounted already', async () => {
  const { guard, issuer } = await openEarly();
  let made = 0;
  const report = () => {
    made += 1;
    return { clients: [] } as never;
  };
  const answer = answerReports({ report, guard, requirements: { check: () => true } });
  const authorization = `Bearer ${await issuer.token({ expiresIn: 9_000 })}`;
  const headers = { authorization, accept: 'application/json' };
  const ask = () => answer({ method: 'GET', originalUrl: '/', headers }, {});
  await ask();
  await ask();
  expect(made).toBe(1);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 61_000);
  await ask();
  expect(made).toBe(2);
});

test('a spy on Date.now moves an audit log that exists already', async () => {
  const lines: string[] = [];
  // A promise, so that lines wait, and some find no room.
  const write = async (line: string) => void lines.push(line);
  const log = auditLog({ write, queue: { lines: 1 } });
  const events: DecisionEvent[] = [];
  const { guard, token } = await openEarly((event) => void events.push(event));
  await guard(bearing(token));
  const [event] = events;
  if (!event) throw new Error('there was no event');
  vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2030, 0, 1));
  for (let i = 0; i < 5; i += 1) log(event);
  await log.flush();
  const gap = lines.map((line) => JSON.parse(line)).find(({ kind }) => kind === 'dropped');
  expect(gap).toMatchObject({
    time: '2030-01-01T00:00:00.000Z',
    since: '2030-01-01T00:00:00.000Z',
  });
  await log.close();
});
