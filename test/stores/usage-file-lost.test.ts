import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { migrationReport } from '../../src/report.js';
import { compact } from '../../src/stores/usage/file-compact.js';
import { fileUsageStore, readUsage, type UsageBatch, type UsageStore } from '../../src/usage.js';
import { runs } from '../runs.js';
import { batch, october, recount, row, sorted } from './usage-contract.js';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-usage-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
const fileOf = (instance: string) => at(`${instance}.ndjson`);
const day = 86_400_000;
const hour = 3_600_000;
const now = october * 60_000;
const [anna, ben, cleo] = ['a', 'b', 'c'].map(
  (one) => `${one}0000000-0000-4000-8000-000000000000`,
) as [string, string, string];

/** A batch of an instance that counted from the one time to the other. */
const told = (instance: string, [from, to]: readonly [number, number], more = {}): UsageBatch =>
  batch({ instance, since: from, at: to, rows: [], ...more });

/** Adds a batch, and returns the line that it was written as. */
async function addedBy(store: UsageStore, one: UsageBatch): Promise<string> {
  await store.add(one);
  return (await readFile(fileOf(one.instance), 'utf8')).split('\n').at(-1) ?? '';
}

describe('what is too old', () => {
  const ended = now - 290 * day;

  /** `ben` ended long ago; `anna` has counted for some days until now. */
  async function aDirectory(days = 30) {
    const store = fileUsageStore(directory, { keep: 280 });
    await store.add(told(anna, [now - days * day, now]));
    await store.add(told(ben, [ended - day, ended], { closed: true, rows: [row({ count: 3 })] }));
    await utimes(fileOf(ben), new Date(ended), new Date(ended));
    return store;
  }

  test('is told by what others have counted, and what is forgotten is written down', async () => {
    const store = await aDirectory();
    await store.add(told(cleo, [now - 2 * hour, now]));
    expect((await store.read()).instances.map(({ instance }) => instance)).toEqual([anna, cleo]);
    expect(JSON.parse(await readFile(at('forgotten.ndjson'), 'utf8'))).toEqual({
      forgotten: ben,
      from: ended - day,
      to: ended,
    });
    // Cleo has seen it when it began: it is not missing.
    expect(await readFile(fileOf(cleo), 'utf8')).toContain(ben);
    const { unreadable, skipped } = await store.read();
    expect([unreadable, skipped]).toEqual([undefined, undefined]);
    const all = await Promise.all((await readdir(directory)).map((one) => readFile(at(one))));
    await writeFile(at('all.txt'), Buffer.concat(all));
    expect(await readUsage(at('all.txt'))).toEqual(await store.read());
  });

  test.each([
    ['another', 30],
    ['nobody long enough', 5],
  ])('where %s has counted, a clock that is ahead for a while deletes nothing', async (_, days) => {
    const store = await aDirectory(days);
    const before = await store.read();
    const ahead = now + 500 * day;
    vi.useFakeTimers({ toFake: ['Date'], now: ahead });
    onTestFinished(() => void vi.useRealTimers());
    await utimes(fileOf(ben), new Date(now - day), new Date(now - day));
    // Not only the one that begins: all of that host count by the same clock.
    const since = now - days * day;
    for (let i = 1; i <= 5; i += 1) {
      const shared = { since, from: ahead + i * hour };
      await store.add(told(anna, [since, ahead + (i + 1) * hour], { seq: 1 + i, ...shared }));
      await store.add(told(cleo, [ahead, ahead + (i + 1) * hour], { seq: i }));
      await utimes(fileOf(anna), new Date(ahead), new Date(ahead));
    }
    const { instances, rows, unreadable } = await store.read();
    expect(instances.map(({ instance }) => instance)).toEqual([anna, ben, cleo]);
    expect(instances[1]).toEqual(before.instances[1]);
    expect([rows, unreadable]).toEqual([before.rows, undefined]);
  });

  test('an own file that gets long loses nothing by a clock that is ahead for a while', async () => {
    const store = fileUsageStore(directory, { keep: 280 });
    const rows = Array.from({ length: 600 }, (_, i) =>
      row({ client: 'c'.repeat(1_000), key: `key_${i}` }),
    );
    const all = [told(anna, [now - 30 * day, now], { rows })];
    const ahead = now + 500 * day;
    vi.useFakeTimers({ toFake: ['Date'], now: ahead });
    onTestFinished(() => void vi.useRealTimers());
    for (const seq of [2, 3, 4]) {
      all.push(told(anna, [now - 30 * day, ahead + seq], { seq, from: ahead, rows }));
    }
    for (const one of all) await store.add(one);
    const text = await readFile(fileOf(anna), 'utf8');
    expect(text.split('\n').filter(Boolean).length).toBeLessThan(4);
    expect(sorted(await store.read())).toEqual(recount(all));
  });

  test('tombstones take no more than a megabyte', async () => {
    const store = await aDirectory();
    const tombstone = (i: number) => `\n{"forgotten":"${i}","counted":{"${'x'.repeat(1_000)}":1}}`;
    const many = Array.from({ length: 1_100 }, (_, i) => tombstone(i));
    await writeFile(at('forgotten.ndjson'), many.join(''));
    await store.add(told(cleo, [now - 2 * hour, now]));
    expect((await stat(at('forgotten.ndjson'))).size).toBeLessThan(600_000);
    expect((await store.read()).unreadable).toBeUndefined();
  });

  test('of tombstones that are dropped none is of a guard that another one saw', async () => {
    const store = await aDirectory();
    const names = Array.from({ length: 12_000 }, (_, i) => `${1e7 + i}${anna.slice(8)}`);
    const tombstone = (name: string) => `\n${JSON.stringify({ forgotten: name, from: 1, to: 2 })}`;
    await writeFile(
      at('forgotten.ndjson'),
      names.map((one) => tombstone(one).padEnd(100)).join(''),
    );
    const saw = names.filter((_, i) => i % 13 === 0);
    const line = { ...told(anna, [now - 30 * day, now + 1], { seq: 2 }), saw };
    await appendFile(fileOf(anna), `\n${JSON.stringify(line)}`);
    expect((await store.read()).unreadable).toBeUndefined();
    await store.add(told(cleo, [now - 2 * hour, now]));
    expect((await stat(at('forgotten.ndjson'))).size).toBeLessThan(700_000);
    const { unreadable, instances } = await store.read();
    expect([unreadable, instances.map(({ instance }) => instance)]).toEqual([
      undefined,
      [anna, cleo],
    ]);
    expect(await readFile(at('forgotten.ndjson'), 'utf8')).toContain(ben);
  });
});

describe('a file that cannot be read', () => {
  async function aDirectory() {
    const store = fileUsageStore(directory);
    await store.add(told(anna, [now - day, now]));
    await store.add(told(ben, [now - day, now], { rows: [row()] }));
    await store.add(told(ben, [now - day, now + hour], { seq: 2, rows: [row()], closed: true }));
    return store;
  }
  const damage = async (path: string) => {
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill('X', 0, 16));
  };
  const hide = async (path: string) => {
    await rename(path, at('elsewhere'));
    await symlink(at('elsewhere'), path);
  };

  test.each<[string, (path: string) => Promise<unknown>, number]>([
    ['has a damaged head', damage, 1],
    ['was moved, and is a link', hide, 0],
    ['was truncated', (path) => writeFile(path, ''), 0],
    ['holds zeros', (path) => writeFile(path, Buffer.alloc(5_000)), 0],
    ['holds half a line', (path) => writeFile(path, '\n{"instance":"'), 0],
    ['is a directory', (path) => rm(path).then(() => mkdir(path)), 0],
  ])('because it %s is a guard of which nothing is known', async (_, hurt, count) => {
    const store = await aDirectory();
    await hurt(fileOf(ben));
    const { unreadable, rows } = await store.read();
    expect(unreadable).toEqual([ben]);
    // What is still there is counted.
    expect(rows).toEqual(count > 0 ? [row({ count })] : []);
  });

  test.each<[string, (path: string) => Promise<unknown>, number]>([
    ['is damaged at its beginning', damage, 1],
    [
      'has no line that can be read',
      (path) => writeFile(path, '\n{"instance":"x"}\n{"size":1}'),
      0,
    ],
  ])(
    'because it %s is told by its name alone: once that guard is gone, it raises no doubt',
    async (_, hurt, count) => {
      const store = await aDirectory();
      await hurt(fileOf(ben));
      const usage = await store.read();
      expect([usage.unreadable, usage.skipped]).toEqual([[ben], undefined]);
      expect(usage.rows).toEqual(count > 0 ? [row({ count })] : []);
      const reportOf = (gone: readonly { instance: string; at: string }[]) =>
        migrationReport({ usage, gone, now: now + hour }).dataQuality.notes.join('\n');
      expect(reportOf([])).toContain('cannot be read');
      const gone = [{ instance: ben, at: new Date(now + hour).toISOString() }];
      expect(reportOf(gone)).not.toContain('cannot be read');
    },
  );

  test('is named, and a foreign one only counted', async () => {
    const store = await aDirectory();
    await writeFile(at('audit.ndjson'), '{"kind":"decision"}\n');
    await damage(fileOf(anna));
    const { unreadable, skipped } = await store.read();
    expect([unreadable, skipped]).toEqual([[anna], 1]);
  });

  test('is not one that begins with a byte order mark, alone or behind another', async () => {
    const store = await aDirectory();
    const before = await store.read();
    for (const one of [anna, ben]) {
      await writeFile(fileOf(one), `\ufeff${await readFile(fileOf(one), 'utf8')}`);
    }
    expect(await store.read()).toEqual(before);
    const texts = await Promise.all([anna, ben].map((one) => readFile(fileOf(one), 'utf8')));
    await writeFile(at('all.txt'), texts.join(''));
    expect(await readUsage(at('all.txt'))).toEqual(before);
    await fileUsageStore(directory).add(told(anna, [now - day, now + day], { seq: 2 }));
    expect((await store.read()).unreadable).toBeUndefined();
  });

  test('is not written to by who has not written it in this run', async () => {
    await aDirectory();
    await damage(fileOf(anna));
    const text = await readFile(fileOf(anna), 'utf8');
    const again = fileUsageStore(directory);
    const next = told(anna, [now - day, now + hour], { seq: 2 });
    // The guard goes on by another name.
    await expect(again.add(next)).rejects.toMatchObject({ code: 'ERR_USAGE_INSTANCE' });
    expect(await readFile(fileOf(anna), 'utf8')).toBe(text);
  });

  test('because it is gone is missed by those that saw it', async () => {
    const store = await aDirectory();
    await rm(fileOf(ben));
    expect((await store.read()).unreadable).toBeUndefined();
    const [first, later] = [told(cleo, [now, now]), told(cleo, [now, now + 2 * hour], { seq: 2 })];
    await aDirectory();
    await store.add(first);
    await rm(fileOf(ben));
    expect((await store.read()).unreadable).toEqual([ben]);
    // Rewritten, it still knows.
    await store.add(later);
    await compact(fileOf(cleo), { at: now, keep: 400 });
    expect((await store.read()).unreadable).toEqual([ben]);
    await rm(fileOf(anna));
    expect((await readUsage(fileOf(cleo))).unreadable).toEqual([anna, ben]);
  });

  test('that others made later is seen once a day, and at the end', async () => {
    const store = fileUsageStore(directory);
    await store.add(told(anna, [now - day, now]));
    await store.add(told(ben, [now, now]));
    await store.add(told(anna, [now - day, now + day], { seq: 2 }));
    await rm(fileOf(ben));
    expect((await store.read()).unreadable).toEqual([ben]);
    await store.add(told(cleo, [now, now]));
    await store.add(told(anna, [now - day, now + day + hour], { seq: 3, closed: true }));
    await rm(fileOf(cleo));
    expect((await store.read()).unreadable).toEqual([ben, cleo]);
  });

  test('of more than a thousand that are there, each is seen by somebody, and by one that stays', async () => {
    const store = fileUsageStore(directory);
    const nameOf = (i: number) => `${1_000 + i}${anna.slice(4)}`;
    const line = JSON.stringify(told('x', [now, now], { closed: true }));
    for (let i = 0; i < 2_500; i += 1) {
      await writeFile(fileOf(nameOf(i)), line.replace('"x"', `"${nameOf(i)}"`));
    }
    const seen = new Set<string>();
    for (const seq of [1, 2, 3]) {
      const line = await addedBy(store, told(cleo, [now, now + (seq - 1) * day], { seq }));
      for (const name of (JSON.parse(line) as { saw: string[] }).saw) seen.add(name);
    }
    expect(seen.size).toBe(2_500);
    const first = await addedBy(
      fileUsageStore(directory),
      told(nameOf(2_000), [now, now], { seq: 2, closed: true }),
    );
    expect((JSON.parse(first) as { saw: string[] }).saw).toContain(cleo);
  });

  test('is named, however many there are', async () => {
    const store = fileUsageStore(directory);
    for (let i = 100; i < 250; i += 1) await writeFile(fileOf(`${i}${anna.slice(3)}`), 'XXXX');
    expect((await store.read()).unreadable).toHaveLength(150);
  });
});

describe('copies', () => {
  /** For each instance, how many rows its batches have; and whether a number is missing before one. */
  const anyHistory = fc.array(fc.record({ keys: fc.nat(3), isLost: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  });
  const anyCopies = fc.array(
    fc.record({ after: fc.nat(8), compacts: fc.boolean(), instance: fc.nat(1) }),
    { maxLength: 6 },
  );
  const batchesOf = (instance: string, history: readonly { keys: number; isLost: boolean }[]) => {
    let seq = 0;
    return history.map(({ keys, isLost }, i): UsageBatch => {
      seq += isLost ? 2 : 1;
      const rows = Array.from({ length: keys }, (_, key) => row({ key: `${key}`, count: i + 1 }));
      return batch({ instance, seq, at: now + i * hour, rows });
    });
  };

  test('of files and older copies, in any order of files and lines, each batch is counted once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(anyHistory, anyHistory),
        anyCopies,
        fc.infiniteStream(fc.nat(1_000)),
        async (histories, copies, places) => {
          for (const name of await readdir(directory)) await rm(at(name), { recursive: true });
          const all = histories.map((one, i) => batchesOf([anna, ben][i] as string, one));
          const texts: string[] = [];
          for (const [i, batches] of all.entries()) {
            const file = fileOf([anna, ben][i] as string);
            for (const [number, one] of batches.entries()) {
              await appendFile(file, `\n${JSON.stringify(one)}`);
              for (const copy of copies.filter((its) => its.instance === i)) {
                if (copy.after !== number) continue;
                texts.push(await readFile(file, 'utf8'));
                if (copy.compacts) await compact(file, { at: one.at, keep: 400 });
              }
            }
            texts.push(await readFile(file, 'utf8'));
          }
          const shuffled = <T>(list: readonly T[]): T[] =>
            list
              .map((one) => ({ one, place: places.next().value as number }))
              .sort((a, b) => a.place - b.place)
              .map(({ one }) => one);
          const expected = recount(all.flat());
          await writeFile(at('all.txt'), shuffled(texts).join('\n'));
          expect(sorted(await readUsage(at('all.txt')))).toEqual(expected);
          const lines = shuffled(texts.flatMap((one) => one.split('\n')));
          await writeFile(at('all.txt'), lines.join('\n'));
          expect(sorted(await readUsage(at('all.txt')))).toEqual(expected);
          await mkdir(at('copies'));
          for (const [i, text] of shuffled(texts).entries()) {
            await writeFile(at(`copies/${i}.ndjson`), text);
          }
          expect(sorted(await readUsage(at('copies')))).toEqual(expected);
        },
      ),
      { numRuns: runs(100, 25) },
    );
  });

  test('of two guards with one name are not one guard', async () => {
    const [one, other] = [batch(), batch({ at: batch().at + 5_000, rows: [row({ count: 7 })] })];
    await writeFile(at('all.txt'), [one, other].map((line) => JSON.stringify(line)).join('\n'));
    expect(sorted(await readUsage(at('all.txt')))).toEqual({ ...recount([one]), skipped: 1 });
  });
});

describe('clients', () => {
  test('are read again only from files that have changed', async () => {
    const store = fileUsageStore(directory);
    const { issuer } = row();
    await store.add(batch({ instance: anna }));
    await store.add(batch({ instance: ben, rows: [row({ client: 'shop' }), row()] }));
    const then = new Date(now);
    await utimes(fileOf(anna), then, then);
    const billing = { client: 'billing', issuer };
    expect(await store.clients?.()).toEqual([billing, { client: 'shop', issuer }]);
    // Nobody changes a file like this but a test.
    const { length } = await readFile(fileOf(anna));
    await writeFile(fileOf(anna), ' '.repeat(length));
    await utimes(fileOf(anna), then, then);
    await store.add(batch({ instance: ben, seq: 2, rows: [row({ client: 'new' })] }));
    const clients = ((await store.clients?.()) ?? []).map(({ client }) => client);
    expect(clients.sort()).toEqual(['billing', 'new', 'shop']);
    await rm(fileOf(ben));
    expect(await store.clients?.()).toEqual([billing]);
  });
});
