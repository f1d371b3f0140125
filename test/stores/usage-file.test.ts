import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/index.js';
import { fileUsageStore, readUsage, type UsageRow } from '../../src/usage.js';
import { inFull } from '../runs.js';
import { batch, october, recount, row, sorted, usageContract } from './usage-contract.js';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-usage-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
const read = async () => sorted(await readUsage(directory));

describe('fileUsageStore', () => {
  usageContract(
    async () => fileUsageStore(directory),
    async () => {
      for (const name of await readdir(directory)) await rm(at(name));
    },
  );

  test('a line is a batch, as it was told', async () => {
    const store = fileUsageStore(directory);
    await store.add(batch());
    await store.add(batch({ seq: 2, closed: true }));
    const lines = (await readFile(at('one.ndjson'), 'utf8')).split('\n');
    expect(lines.filter(Boolean).map((line) => JSON.parse(line))).toEqual([
      batch(),
      batch({ seq: 2, closed: true }),
    ]);
  });

  const line = (more = {}) => JSON.stringify(batch(more));

  test.each([
    ['was cut off', line({ seq: 1 }).slice(0, -1)],
    ['was cut off within a letter', '{"instance":"\ufffd'],
    ['was lost, and left zeros', '\0\0\0\0'],
    ['is empty', ''],
    ['ends as on Windows', '\r'],
  ])('a line that %s spoils nothing of what follows', async (_, torn) => {
    await writeFile(at('one.ndjson'), `${line({ seq: 1 })}\n${torn}`);
    await fileUsageStore(directory).add(batch({ seq: 2 }));
    expect(await read()).toEqual(recount([batch({ seq: 1 }), batch({ seq: 2 })]));
  });

  test.runIf(inFull)('each byte of a line can be the last that was written', async () => {
    const bytes = Buffer.from(`\n${line({ rows: [row({ client: 'é' })] })}`);
    const store = fileUsageStore(directory);
    for (let length = 0; length < bytes.length; length += 1) {
      await writeFile(at('one.ndjson'), bytes.subarray(0, length));
      expect((await read()).rows).toEqual([]);
    }
    await store.add(batch({ rows: [row({ client: 'é' })] }));
    expect((await read()).rows).toEqual([row({ client: 'é' })]);
  });

  test.each([
    ['no JSON', 'a secret'],
    ['a list', '["a secret"]'],
    ['a text', '"a secret"'],
    ['null', 'null'],
    ['no batch', '{"secret":"a secret"}'],
    ['another count', line().replace('"count":1', '"count":"a secret"')],
    ['a negative count', line().replace('"count":1', '"count":-1')],
    ['another instance', line().replace('"seq":1', '"seq":"a secret"')],
    ['no rows', line().replace('"rows"', '"a secret"')],
  ])('a line that is %s is left out, and said to be', async (_, text) => {
    await writeFile(at('x.ndjson'), `${line()}\n${text}\n${line({ seq: 2 })}\n`);
    expect(await read()).toEqual({ ...recount([batch(), batch({ seq: 2 })]), skipped: 1 });
  });

  test('reads one file too, and several that were put into one', async () => {
    const store = fileUsageStore(directory);
    const all = [batch(), batch({ instance: 'two', seq: 4 }), batch({ seq: 2 })];
    for (const one of all) await store.add(one);
    const texts = await Promise.all(
      ['one.ndjson', 'two.ndjson', 'one.ndjson'].map((name) => readFile(at(name), 'utf8')),
    );
    await mkdir(at('elsewhere'));
    await writeFile(at('elsewhere/counts.txt'), texts.join(''));
    expect(sorted(await readUsage(at('elsewhere/counts.txt')))).toEqual(recount(all));
    expect((await readUsage(at('elsewhere'))).rows).toEqual([]);
    await writeFile(at('copy.ndjson'), texts.join('\n'));
    expect(await read()).toEqual(recount(all));
  });

  test('what is not there, and what is no file of counts, is an error', async () => {
    await expect(readUsage(at('nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(at('gone'));
    const store = fileUsageStore(at('gone'));
    await rm(at('gone'), { recursive: true });
    await expect(store.add(batch())).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(store.read()).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(at('gone'));
    await store.add(batch());
    expect(sorted(await store.read())).toEqual(recount([batch()]));
  });

  test.each([
    ['no path', undefined, /requires the path of a directory/],
    ['an empty one', '', /requires the path of a directory/],
    ['a zero in it', 'a\0b', /requires the path of a directory/],
    ['a directory that is not there', '/no/such/directory', /which does not exist/],
    ['a file', new URL(import.meta.url).pathname, /which is not a directory/],
  ])('refuses %s', (_, path, expected) => {
    expect(() => fileUsageStore(path as string)).toThrow(ConfigError);
    expect(() => fileUsageStore(path as string)).toThrow(expected);
  });

  test.each([0, 1.5, -1, 36_501, '400', Number.NaN])('refuses to keep for %s days', (keep) => {
    expect(() => fileUsageStore(directory, { keep: keep as number })).toThrow(
      /keep must be a whole number/,
    );
  });

  test('refuses options that are not known', () => {
    expect(() => fileUsageStore(directory, { kept: 3 } as never)).toThrow(
      /kept is not a known setting: use keep/,
    );
  });

  test.each(['../one', 'a/b', '.one', 'a'.repeat(101), 'a\0'])(
    'an instance called %j gets no file',
    async (instance) => {
      const store = fileUsageStore(at('.'));
      await expect(store.add(batch({ instance }))).rejects.toThrow(/becomes a file name/);
      expect(await readdir(directory)).toEqual([]);
    },
  );

  describe('a file that gets long', () => {
    const client = 'c'.repeat(1_000);
    const wide = (from: number, more: Partial<UsageRow> = {}) =>
      Array.from({ length: 500 }, (_, i) => row({ client, key: `key_${from + i}`, ...more }));
    const linesOf = async (name: string) =>
      (await readFile(at(name), 'utf8')).split('\n').filter(Boolean).length;

    test('becomes one line, and counts on', async () => {
      const store = fileUsageStore(directory);
      const all = [1, 2, 3, 4, 5].map((seq) => batch({ seq, rows: wide(0) }));
      const lengths: number[] = [];
      for (const one of all) {
        await store.add(one);
        await store.add(one);
        lengths.push(await linesOf('one.ndjson'));
        expect(await read()).toEqual(recount(all.slice(0, one.seq)));
      }
      expect(Math.max(...lengths)).toBeLessThan(4);
      expect(lengths.at(-1)).toBeLessThan(4);
      expect(await readdir(directory)).toEqual(['one.ndjson']);
    });

    test.runIf(inFull)('is rewritten only once it is twice as long as it has to be', async () => {
      const store = fileUsageStore(directory);
      const lengths: number[] = [];
      const all = Array.from({ length: 12 }, (_, i) => batch({ seq: i + 1, rows: wide(i * 500) }));
      for (const one of all) {
        await store.add(one);
        lengths.push(await linesOf('one.ndjson'));
      }
      expect(await read()).toEqual(recount(all));
      expect(lengths).toEqual([1, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5]);
    });

    test('loses what is too old, and keeps a hundred details', async () => {
      const store = fileUsageStore(directory, { keep: 280 });
      const old = row({ key: 'old', first: october - 499_999, last: october - 290 * 1_440 });
      const young = row({ key: 'young', first: october - 499_999, last: october - 279 * 1_440 });
      // It has counted on more than seven days, or its clock alone would say what is old.
      const from = (october - 10 * 1_440) * 60_000;
      await store.add(batch({ since: from, from, rows: [old, young] }));
      const agents = (seq: number) =>
        Array.from({ length: 500 }, (_, i) =>
          row({ what: 'agent', day: '', detail: `${seq}/${i}/${'a'.repeat(3_000)}` }),
        );
      await store.add(batch({ seq: 2, since: from, rows: agents(2) }));
      const text = await readFile(at('one.ndjson'), 'utf8');
      expect(text.match(/"what":"agent"/g)).toHaveLength(101);
      expect(text).toContain('"young"');
      expect(text).not.toContain('"old"');
    });

    test('of a clock that is far ahead loses nothing that is young', async () => {
      const store = fileUsageStore(directory, { keep: 280 });
      const now = Math.floor(Date.now() / 60_000);
      const today = new Date(now * 60_000).toISOString().slice(0, 10);
      const rows = wide(0, { day: today, first: now, last: now });
      const all = [1, 2, 3].map((seq) => batch({ seq, at: 253_402_300_799_999, rows }));
      for (const one of all) await store.add(one);
      expect(await read()).toEqual(recount(all));
    });

    test('stays as it is with a line in it that is nobody’s, and the batch is added', async () => {
      const store = fileUsageStore(directory);
      await writeFile(at('one.ndjson'), `${line()}\n"somebody else's"`);
      const all = [2, 3, 4].map((seq) => batch({ seq, rows: wide(seq * 500) }));
      for (const one of all) await store.add(one);
      expect(await linesOf('one.ndjson')).toBe(5);
      expect(await read()).toEqual({ ...recount([batch(), ...all]), skipped: 1 });
    });

    test('keeps what is known of the time that was watched', async () => {
      const store = fileUsageStore(directory);
      const all = [1, 2, 5, 6, 7].map((seq) =>
        batch({ seq, at: (october + seq) * 60_000, rows: wide(0) }),
      );
      for (const one of all) await store.add(one);
      expect(await linesOf('one.ndjson')).toBeLessThan(4);
      expect(await read()).toEqual(recount(all));
      expect((await read()).instances).toMatchObject([{ missing: 2 }]);
    });
  });

  const old = new Date((october - 290 * 1_440) * 60_000);
  const young = new Date((october - 279 * 1_440) * 60_000);

  const minutes = (count: number) => (october + count) * 60_000;
  /** A line of another instance, which has counted for so many days until October. */
  const witness = (days: number) =>
    `\n${line({ instance: 'witness', since: minutes(-days * 1_440), at: minutes(0), rows: [] })}`;
  const closedAt = ({ instance, at }: { instance: string; at: Date }) =>
    line({ instance, since: at.getTime(), at: at.getTime(), closed: true, rows: [] });

  test('files of this store that nobody wrote to for too long are deleted, and no others', async () => {
    const store = fileUsageStore(directory, { keep: 280 });
    const audit = '{"schema":"audit","kind":"decision"}\n';
    const tmp = `gone.ndjson.${crypto.randomUUID()}.tmp`;
    for (const [name, text, time] of [
      ['old.ndjson', `\n${closedAt({ instance: 'old', at: old })}`, old],
      ['witness.ndjson', witness(10), young],
      ['touched.ndjson', `\n${line({ instance: 'touched', closed: true })}`, old],
      // It may still let requests in: only a person can say that it is gone.
      ['silent.ndjson', `\n${line({ instance: 'silent' })}`, old],
      ['made.ndjson', `\n{"size":2,${closedAt({ instance: 'made', at: old }).slice(1)}`, old],
      [tmp, 'x', old],
      ['young.ndjson', `\n${line({ instance: 'young' })}`, young],
      ['old.txt', line({ instance: 'old' }), old],
      ['renamed.ndjson', `\n${line({ instance: 'old' })}`, old],
      ['audit-2026-10.ndjson', audit, old],
      ['empty.ndjson', '', old],
      ['export.ndjson.tmp', 'x', old],
    ] as const) {
      await writeFile(at(name), text);
      await utimes(at(name), time, time);
    }
    // In its first hour its clock may yet be set.
    await store.add(batch({ since: minutes(-59), at: minutes(0) }));
    expect(await readdir(directory)).toHaveLength(13);
    await store.add(batch({ seq: 2, since: minutes(-60), at: minutes(0) }));
    expect((await readdir(directory)).sort()).toEqual([
      ...['audit-2026-10.ndjson', 'empty.ndjson', 'export.ndjson.tmp', 'forgotten.ndjson'],
      ...['old.txt', 'one.ndjson', 'renamed.ndjson', 'silent.ndjson', 'touched.ndjson'],
      ...['witness.ndjson', 'young.ndjson'],
    ]);
    expect(await readFile(at('audit-2026-10.ndjson'), 'utf8')).toBe(audit);
  });

  test('a file that is none of counts is not read, and said to be there', async () => {
    await writeFile(at('audit.ndjson'), '{"schema":"audit","kind":"decision"}\n'.repeat(99));
    await writeFile(at('empty.ndjson'), '');
    await mkdir(at('directory.ndjson'));
    await fileUsageStore(directory).add(batch());
    expect(await read()).toEqual({ ...recount([batch()]), skipped: 2 });
  });

  test('follows no link: not to add, not to rewrite, not to read, not to delete', async () => {
    const outside = join(directory, 'outside');
    await mkdir(outside);
    const victim = join(outside, 'victim.conf');
    await writeFile(victim, 'precious\n');
    await utimes(victim, old, old);
    const store = fileUsageStore(directory, { keep: 280 });
    await symlink(victim, at('linked.ndjson'));
    await symlink(victim, at('one.ndjson.tmp'));
    const refused = store.add(batch({ instance: 'linked' }));
    await expect(refused).rejects.toMatchObject({ code: 'ERR_USAGE_FILE' });
    const rows = Array.from({ length: 1_000 }, (_, i) =>
      row({ client: 'c'.repeat(1_000), key: `${i}` }),
    );
    for (const seq of [1, 2, 3, 4]) await store.add(batch({ seq, rows }));
    expect(await readFile(victim, 'utf8')).toBe('precious\n');
    expect((await lstat(at('one.ndjson'))).isFile()).toBe(true);
    expect((await lstat(at('one.ndjson'))).mode & 0o777).toBe(0o600);
    expect((await lstat(at('linked.ndjson'))).isSymbolicLink()).toBe(true);
    expect((await store.read()).skipped).toBe(1);
  });

  test('more files than are deleted at a time are deleted in time', async () => {
    const store = fileUsageStore(directory, { keep: 280 });
    await writeFile(at('witness.ndjson'), witness(10));
    for (let i = 0; i < 150; i += 1) {
      await writeFile(at(`${i}.ndjson`), `\n${closedAt({ instance: `${i}`, at: old })}`);
      await utimes(at(`${i}.ndjson`), old, old);
    }
    const countFor = (days: number) => batch({ since: minutes(-60), at: minutes(days * 1_440) });
    await store.add(countFor(0));
    // With witness.ndjson, one.ndjson and forgotten.ndjson.
    expect(await readdir(directory)).toHaveLength(50 + 3);
    await store.add({ ...countFor(0.9), seq: 2 });
    expect(await readdir(directory)).toHaveLength(50 + 3);
    await store.add({ ...countFor(1), seq: 3 });
    expect(await readdir(directory)).toHaveLength(3);
  });

  test('whoever comes while eight batches wait is turned away, and can come again', async () => {
    const store = fileUsageStore(directory);
    const all = Array.from({ length: 12 }, (_, i) => batch({ seq: i + 1 }));
    const settled = await Promise.allSettled(all.map((one) => store.add(one)));
    const turnedAway = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(turnedAway).toHaveLength(4);
    for (const error of turnedAway) expect(error).toMatchObject({ code: 'ERR_USAGE_BUSY' });
    for (const one of all.slice(8)) await store.add(one);
    expect(await read()).toEqual(recount(all));
  });
});
