import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type AuditSettings, auditLog } from '../../src/audit.js';
import { runs } from '../runs.js';
import { deferred, event, read, secret, start } from './scene.js';

afterEach(() => {
  vi.useRealTimers();
});

type Write = (line: string) => unknown;
const logTo = (write: Write, settings: AuditSettings = {}) =>
  auditLog({ secret, ...settings, write });
const into = (stream: Writable, settings: AuditSettings = {}) =>
  auditLog({ secret, ...settings, stream });

const numbered = (i: number) => event({ keyId: `key_${i}` });
const numbers = (lines: readonly string[]) =>
  lines.map(read).map((line) => (line.kind === 'decision' ? line.keyId : `-${line.count}`));

/** A function that answers each line only when it is told to. */
function slowWrite() {
  const lines: string[] = [];
  const open: ReturnType<typeof deferred<unknown>>[] = [];
  const write = (line: string) => {
    lines.push(line);
    const answer = deferred<unknown>();
    open.push(answer);
    return answer.promise;
  };
  async function answer(how: 'resolve' | 'reject' = 'resolve') {
    const next = open.shift();
    if (how === 'resolve') next?.resolve(undefined);
    else next?.reject(new Error('disk full'));
    await turn();
  }
  return { lines, write, answer };
}

describe('a function', () => {
  test('gets each line at once, in order', () => {
    const lines: string[] = [];
    const log = logTo((line) => lines.push(line));
    for (let i = 0; i < 3; i += 1) log(numbered(i));
    expect(numbers(lines)).toEqual(['key_0', 'key_1', 'key_2']);
    expect(log.counts()).toEqual({ written: 3, waiting: 0, dropped: 0, failed: 0, sampledOut: 0 });
  });

  test('that answers a promise gets the next line after it', async () => {
    const { lines, write, answer } = slowWrite();
    const log = logTo(write);
    for (let i = 0; i < 3; i += 1) log(numbered(i));
    expect(numbers(lines)).toEqual(['key_0']);
    expect(log.counts()).toMatchObject({ written: 0, waiting: 3 });
    await answer();
    expect(numbers(lines)).toEqual(['key_0', 'key_1']);
    expect(log.counts()).toMatchObject({ written: 1, waiting: 2 });
    await answer();
    await answer();
    expect(log.counts()).toMatchObject({ written: 3, waiting: 0 });
  });

  test('that calls the log is no circle', () => {
    const lines: string[] = [];
    const log = logTo((line) => {
      if (lines.push(line) < 3) log(numbered(lines.length));
    });
    log(numbered(0));
    expect(numbers(lines)).toEqual(['key_0', 'key_1', 'key_2']);
    expect(log.counts()).toMatchObject({ written: 3, waiting: 0 });
  });

  test.each<[string, Write]>([
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
    [
      'answers a then that throws',
      () =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new Error('mine');
          },
        }),
    ],
  ])('that %s is counted, and reaches nobody', async (_, write) => {
    const log = logTo(write);
    log(event());
    log(event());
    await log.flush();
    expect(log.counts()).toMatchObject({ written: 0, failed: 2, waiting: 0 });
  });

  test('that fails is told of in a line, once it works again', async () => {
    let time = start;
    const { lines, write, answer } = slowWrite();
    const log = logTo(write, { now: () => time, service: 'orders' });
    for (let i = 0; i < 3; i += 1) log(numbered(i));
    time += 1000;
    await answer('reject');
    time += 1000;
    await answer('reject');
    time += 1000;
    await answer();
    expect(read(lines[3] ?? '')).toEqual({
      schema: 'sallyport-audit-1',
      kind: 'dropped',
      time: '2030-01-01T00:00:03.000Z',
      service: 'orders',
      count: 2,
      failed: 2,
      since: '2030-01-01T00:00:01.000Z',
      until: '2030-01-01T00:00:02.000Z',
    });
    // That line can fail too: then a later one says it.
    await answer('reject');
    log(numbered(3));
    await answer();
    expect(numbers(lines.slice(3))).toEqual(['-2', 'key_3', '-2']);
    await answer();
    expect(log.counts()).toMatchObject({ written: 2, failed: 2, waiting: 0 });
  });

  test('that answers false is left alone for a while, longer each time, a minute at most', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const lines: string[] = [];
    let full = true;
    const log = logTo((line) => {
      lines.push(line);
      return !full;
    });
    for (let i = 0; i < 40; i += 1) log(numbered(i));
    expect(lines).toHaveLength(1);
    vi.advanceTimersByTime(9);
    expect(lines).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(lines).toHaveLength(2);
    vi.advanceTimersByTime(20);
    expect(lines).toHaveLength(3);
    vi.advanceTimersByTime(3_600_000);
    expect(lines.length).toBeLessThanOrEqual(3 + 60 + 13);
    full = false;
    vi.advanceTimersByTime(60_000);
    expect(log.counts()).toMatchObject({ written: 40, waiting: 0, dropped: 0 });
    expect(numbers(lines)).toEqual(Array.from({ length: 40 }, (_, i) => `key_${i}`));
  });

  test('that answers false is asked at once by a flush', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const lines: string[] = [];
    const log = logTo((line) => lines.push(line) > 1);
    log(numbered(0));
    log(numbered(1));
    expect(lines).toHaveLength(1);
    expect(await log.flush()).toBe(true);
    expect(lines).toHaveLength(2);
  });

  test('with much to write lets others have a turn', async () => {
    const { lines, write, answer } = slowWrite();
    let slow = true;
    const log = logTo((line) => (slow ? write(line) : void lines.push(line)));
    for (let i = 0; i < 1000; i += 1) log(numbered(i));
    slow = false;
    const seen: number[] = [];
    const watch = async () => {
      while (lines.length < 1000) {
        seen.push(lines.length);
        await turn();
      }
    };
    await Promise.all([answer(), watch()]);
    expect(seen.length).toBeGreaterThan(3);
    expect(numbers(lines)).toEqual(Array.from({ length: 1000 }, (_, i) => `key_${i}`));
  });
});

describe('a full queue', () => {
  test('drops what comes, counts it, and says so once half of it is free', async () => {
    let time = start;
    const { lines, write, answer } = slowWrite();
    const log = logTo(write, { queue: { lines: 4 }, now: () => time });
    // One is under way, four wait.
    for (let i = 0; i < 5; i += 1) log(numbered(i));
    for (let i = 5; i < 8; i += 1) {
      time += 1000;
      log(numbered(i));
    }
    expect(log.counts()).toMatchObject({ written: 0, waiting: 5, dropped: 3 });
    await answer();
    log(numbered(8));
    log(numbered(9));
    expect(log.counts()).toMatchObject({ written: 1, waiting: 5, dropped: 4 });
    for (let i = 0; i < 10; i += 1) await answer();
    expect(numbers(lines)).toEqual(['key_0', 'key_1', 'key_2', 'key_3', 'key_4', 'key_8', '-4']);
    expect(read(lines[6] ?? '')).toMatchObject({
      count: 4,
      failed: 0,
      since: '2030-01-01T00:00:01.000Z',
      until: '2030-01-01T00:00:03.000Z',
    });
    expect(log.counts()).toMatchObject({ written: 6, waiting: 0, dropped: 4 });
    log(numbered(10));
    await answer();
    await answer();
    expect(numbers(lines.slice(7))).toEqual(['key_10']);
  });

  test('is full by its bytes too', async () => {
    const { lines, write, answer } = slowWrite();
    const log = logTo(write, { queue: { bytes: 1024 } });
    for (let i = 0; i < 100; i += 1) log(event({ clientId: '\u{1f511}'.repeat(20) }));
    const { waiting, dropped } = log.counts();
    expect(waiting + dropped).toBe(100);
    await answer();
    const size = Buffer.byteLength(lines[0] ?? '');
    expect(waiting).toBe(1 + Math.floor(1024 / size));
  });

  test('holds 10 000 lines unless set, and lets go of what was written', async () => {
    const { lines, write, answer } = slowWrite();
    const log = logTo(write);
    for (let i = 0; i < 10_100; i += 1) log(event());
    expect(log.counts()).toMatchObject({ waiting: 10_001, dropped: 99 });
    await answer();
    expect(lines).toHaveLength(2);
  });
});

describe('a stream', () => {
  /** A stream that finishes a chunk only when it is told to. */
  function slowStream(highWaterMark = 500) {
    const chunks: string[] = [];
    const open: ((error?: Error | null) => void)[] = [];
    const stream = new Writable({
      highWaterMark,
      write(chunk, _, done) {
        chunks.push(String(chunk));
        open.push(done);
      },
    });
    async function next() {
      open.shift()?.();
      await turn();
    }
    return { stream, chunks, next };
  }

  test('that is full is waited for: what it holds stays within its own mark', async () => {
    const { stream, chunks, next } = slowStream();
    const log = into(stream, { queue: { lines: 20 } });
    let most = 0;
    for (let i = 0; i < 100; i += 1) {
      log(numbered(i));
      most = Math.max(most, stream.writableLength);
    }
    expect(most).toBeLessThan(1000);
    const { waiting, dropped } = log.counts();
    expect(waiting + dropped).toBe(100);
    expect(waiting).toBeLessThanOrEqual(20 + 5);
    while (log.counts().waiting > 0) await next();
    for (let i = 0; i < 5; i += 1) await next();
    expect(log.counts()).toMatchObject({ written: waiting, dropped });
    const told = Array.from({ length: waiting }, (_, i) => `key_${i}`);
    expect(numbers(chunks)).toEqual([...told, `-${dropped}`]);
  });

  test('that others have filled is waited for', async () => {
    const { stream, chunks, next } = slowStream(1);
    stream.write('mine\n');
    const log = into(stream);
    log(event());
    expect(stream.writableLength).toBe(5);
    await next();
    await next();
    expect(chunks).toHaveLength(2);
    expect(log.counts()).toMatchObject({ written: 1, waiting: 0 });
  });

  test.each<[string, (stream: Writable) => unknown]>([
    ['destroyed', (stream) => stream.destroy()],
    ['destroyed with an error', (stream) => stream.destroy(new Error('gone'))],
    ['ended', (stream) => stream.end()],
  ])('that is %s takes no line: all are counted, and nothing grows or ends', async (_, end) => {
    const { stream, next } = slowStream();
    const errors: Error[] = [];
    stream.on('error', (error) => errors.push(error));
    const log = into(stream);
    for (let i = 0; i < 50; i += 1) log(numbered(i));
    expect(log.counts()).toMatchObject({ waiting: 50 });
    end(stream);
    for (let i = 0; i < 50; i += 1) await next();
    for (let i = 0; i < 50; i += 1) log(numbered(i));
    expect(await log.flush()).toBe(true);
    const { written, failed, waiting, dropped } = log.counts();
    expect({ waiting, dropped, sum: written + failed }).toEqual({
      waiting: 0,
      dropped: 0,
      sum: 100,
    });
    expect(failed).toBeGreaterThan(90);
    // Only what its owner did to it: it is not written to any more.
    expect(errors.filter(({ message }) => message !== 'gone')).toEqual([]);
  });

  test('that others have filled, and then destroyed, leaves no line waiting', async () => {
    const { stream } = slowStream(1);
    stream.write('mine\n');
    const log = into(stream);
    log(event());
    stream.destroy();
    await turn();
    expect(log.counts()).toMatchObject({ failed: 1, waiting: 0 });
  });

  test('whose write fails is counted', async () => {
    const stream = new Writable({
      autoDestroy: false,
      write: (_chunk, _encoding, done) => done(new Error('disk full')),
    });
    const log = into(stream);
    log(event());
    await turn();
    expect(log.counts()).toMatchObject({ written: 0, failed: 1 });
  });

  test('of objects takes lines too', async () => {
    const stream = new PassThrough({ objectMode: true });
    into(stream)(numbered(1));
    expect(
      numbers([
        await stream[Symbol.asyncIterator]()
          .next()
          .then(({ value }) => value),
      ]),
    ).toEqual(['key_1']);
  });

  test('stays open and has no more listeners after close', async () => {
    const stream = new PassThrough();
    for (let i = 0; i < 3; i += 1) {
      const log = into(stream);
      log(event());
      expect(await log.close()).toBe(true);
    }
    expect(stream.writable).toBe(true);
    expect([stream.listenerCount('drain'), stream.listenerCount('close')]).toEqual([0, 0]);
  });

  test('is a file: every line is in it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-'));
    try {
      const path = join(directory, 'audit.jsonl');
      const file = createWriteStream(path);
      const log = into(file);
      for (let i = 0; i < 2000; i += 1) log(numbered(i));
      expect(await log.close({ timeout: 60 })).toBe(true);
      file.end();
      await once(file, 'close');
      const lines = readFileSync(path, 'utf8').split(/(?<=\n)/);
      expect(numbers(lines)).toEqual(Array.from({ length: 2000 }, (_, i) => `key_${i}`));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('is a socket whose other side does not read, and then goes away', async () => {
    const accepted = deferred<Socket>();
    const server = createServer((socket) => accepted.resolve(socket.pause()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    await once(socket, 'connect');
    const other = await accepted.promise;
    const gone = deferred<void>();
    socket.on('close', () => gone.resolve());
    try {
      const log = into(socket, { queue: { lines: 100 } });
      let sent = 0;
      while (log.counts().dropped === 0) {
        for (let i = 0; i < 1000; i += 1) log(event({ route: 'x'.repeat(250) }));
        sent += 1000;
        await turn();
      }
      expect(socket.writableLength).toBeLessThan(socket.writableHighWaterMark + 2000);
      expect(await log.flush({ timeout: 0 })).toBe(false);
      other.destroy();
      if (!socket.closed) await gone.promise;
      expect(await log.flush()).toBe(true);
      const { written, failed, dropped, waiting } = log.counts();
      expect({ waiting, sum: written + failed + dropped }).toEqual({ waiting: 0, sum: sent });
    } finally {
      other.destroy();
      socket.destroy();
      server.close();
    }
  });
});

describe('flush and close', () => {
  test('say whether all was written by then', async () => {
    const { write, answer } = slowWrite();
    const log = logTo(write);
    expect(await log.flush()).toBe(true);
    log(event());
    expect(await log.flush({ timeout: 0 })).toBe(false);
    const later = log.flush({ timeout: 60 });
    await answer();
    expect(await later).toBe(true);
  });

  test('after close, lines are dropped and counted, and nothing is written any more', async () => {
    const { lines, write, answer } = slowWrite();
    const log = logTo(write);
    for (let i = 0; i < 3; i += 1) log(numbered(i));
    const closed = log.close({ timeout: 0 });
    log(numbered(3));
    expect(await closed).toBe(false);
    expect(await log.close()).toBe(false);
    log(numbered(4));
    expect(log.counts()).toMatchObject({ written: 0, waiting: 1, dropped: 4 });
    await answer();
    expect(log.counts()).toMatchObject({ written: 1, waiting: 0, dropped: 4 });
    expect(lines).toHaveLength(1);
  });

  test('close writes what waits, and of what is missing', async () => {
    const { lines, write, answer } = slowWrite();
    const log = logTo(write, { queue: { lines: 1 } });
    for (let i = 0; i < 4; i += 1) log(numbered(i));
    const closed = log.close({ timeout: 60 });
    for (let i = 0; i < 3; i += 1) await answer();
    expect(await closed).toBe(true);
    expect(numbers(lines)).toEqual(['key_0', 'key_1', '-2']);
  });
});

test('a clock that is wrong ends nothing', async () => {
  for (const now of [
    () => Number.NaN,
    () => {
      throw new Error('mine');
    },
  ]) {
    const stream = new PassThrough();
    const log = into(stream, { now, queue: { lines: 1, bytes: 1024 } });
    stream.cork();
    for (let i = 0; i < 400; i += 1) log(event());
    stream.uncork();
    stream.resume();
    expect(await log.flush()).toBe(true);
    expect(log.counts().dropped).toBeGreaterThan(0);
  }
});

test('whatever happens, each line is written, dropped, failed, left out, or waits: once', async () => {
  const step = fc.constantFrom('log', 'log', 'log', 'resolve', 'reject');
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      async (steps, room) => {
        const { lines, write, answer } = slowWrite();
        let random = 0;
        const log = logTo(write, {
          queue: { lines: room },
          sample: 0.8,
          random() {
            random = (random + 0.37) % 1;
            return random;
          },
        });
        // A line that tells of a gap and is refused is told again, and counts as no failure.
        const refused = new Set<number>();
        let answered = 0;
        const settle = async (how?: 'resolve' | 'reject') => {
          if (answered < lines.length) {
            if (how === 'reject') refused.add(answered);
            answered += 1;
          }
          await answer(how);
        };
        let told = 0;
        for (const one of steps) {
          if (one === 'log') log(numbered(told++));
          else await settle(one as 'resolve');
          const { written, waiting, dropped, failed, sampledOut } = log.counts();
          expect(written + waiting + dropped + failed + sampledOut).toBe(told);
          expect(waiting).toBeLessThanOrEqual(room + 1);
        }
        while (log.counts().waiting > 0) await settle();
        for (let i = 0; i < 3; i += 1) await settle();
        const { written, dropped, failed } = log.counts();
        const all = lines.map(read);
        expect(all.filter(({ kind }) => kind === 'decision')).toHaveLength(written + failed);
        if (failed === 0) {
          const gaps = all.map((line, i) =>
            line.kind === 'dropped' && !refused.has(i) ? line.count : 0,
          );
          const sum = gaps.reduce((all, one) => all + one, 0);
          // Until something is written again nothing can be told.
          if (refused.size === 0) expect(sum).toBe(dropped);
          else expect(sum).toBeLessThanOrEqual(dropped);
        }
      },
    ),
    { numRuns: runs(200) },
  );
});
