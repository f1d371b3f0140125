import { afterEach, expect, test, vi } from 'vitest';
import { type AuditSettings, auditLog } from '../../src/audit.js';
import { deferred, event, read, secret } from './scene.js';

afterEach(() => {
  vi.useRealTimers();
});

const logTo = (write: (line: string) => unknown, settings: AuditSettings = {}) =>
  auditLog({ secret, ...settings, write });
const numbered = (i: number) => event({ keyId: `key_${i}` });

/** A function that answers each line only when it is told to. */
function slowWrite() {
  const lines: string[] = [];
  const open: ReturnType<typeof deferred<void>>[] = [];
  const write = (line: string) => {
    lines.push(line);
    const answer = deferred<void>();
    open.push(answer);
    return answer.promise;
  };
  async function answer() {
    const next = open.shift();
    next?.resolve();
    await next?.promise;
    await Promise.resolve();
  }
  return { lines, write, answer, waiting: () => open.length };
}

test('a function that has room again gets a short pause the next time', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const answers = [false, false, false, true, false];
  let written = 0;
  const log = logTo(() => {
    written += 1;
    return answers.shift();
  });
  for (let i = 0; i < 6; i += 1) log(numbered(i));
  vi.advanceTimersByTime(10 + 20 + 40);
  expect(written).toBe(5);
  vi.advanceTimersByTime(9);
  expect(written).toBe(5);
  vi.advanceTimersByTime(1);
  expect(written).toBe(6);
});

test('a function that takes no line keeps no process alive', () => {
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const before = timers();
  const log = logTo(() => false);
  log(numbered(0));
  log(numbered(1));
  expect(log.counts()).toMatchObject({ written: 1, waiting: 1 });
  expect(timers()).toBe(before);
});

test('of a gap no line is told while less than half of the room is free', async () => {
  const { lines, write, answer } = slowWrite();
  const log = logTo(write, { queue: { lines: 4 } });
  // One is under way, four wait, one is too many.
  for (let i = 0; i < 6; i += 1) log(numbered(i));
  await answer();
  await answer();
  // Two wait: there is room for two more, and none for a gap beside them.
  log(numbered(6));
  log(numbered(7));
  expect(log.counts()).toMatchObject({ written: 2, waiting: 5, dropped: 1 });
  for (let i = 0; i < 9; i += 1) await answer();
  expect(lines.map(read).filter(({ kind }) => kind === 'dropped')).toHaveLength(1);
  expect(log.counts()).toMatchObject({ written: 7, waiting: 0, dropped: 1 });
});

test('what gaps took of the room is free again, however many there were', async () => {
  const { lines, write, answer, waiting } = slowWrite();
  const log = logTo(write, { queue: { bytes: 1024 } });
  const rounds = 20;
  for (let round = 0; round < rounds; round += 1) {
    const { dropped } = log.counts();
    for (let i = 0; log.counts().dropped === dropped && i < 100; i += 1) log(numbered(i));
    while (waiting() > 0) await answer();
  }
  expect(lines.map(read).filter(({ kind }) => kind === 'dropped')).toHaveLength(rounds);
  expect(log.counts()).toMatchObject({ waiting: 0, dropped: rounds });
});
