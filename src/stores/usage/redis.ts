import { checkBatch, instanceOf, namedBy, rowOf } from '../../core/usage/batch.js';
import { trackingSinceOf, withoutOld } from '../../core/usage/coverage.js';
import { folded, roomFor, topicOf } from '../../core/usage/overflow.js';
import { nameOf, type UsageInstance, type UsageRow, type UsageStore } from '../../index.js';
import { broken } from '../broken.js';
import { type RedisClient, senderOf } from '../redis-client.js';
import { someText } from '../settings.js';
import { addScript, lookScript } from './redis-script.js';
import { addOnce, cutoffOf, keepOf, settingsOf } from './row.js';

/** Where counts are in Redis, and for how long. */
export interface RedisUsageStoreOptions {
  /**
   * What stands before each name. It becomes a hash tag, unless it has one: all of it is in one
   * slot of a cluster. @default 'sallyport:usage'
   */
  readonly prefix?: string;
  /** Days, 280 at least. @default 400 */
  readonly keep?: number;
}

type Send = ReturnType<typeof senderOf>;
type Keys = ReturnType<typeof keysUnder>;

const where = 'redisUsageStore';

/**
 * Keeps counts in Redis, for all processes to add to. A batch is one script, so it is added whole
 * or not at all; what cannot be told, by an error of Redis or a value that is nobody's count, is
 * thrown.
 * @throws ConfigError for options that cannot be meant
 */
export function redisUsageStore(
  client: RedisClient,
  options: RedisUsageStoreOptions = {},
): UsageStore {
  const send = senderOf(where, client);
  const given = settingsOf(where, options, ['prefix', 'keep']);
  const keep = keepOf(where, given.keep);
  const keys = keysUnder(someText(`${where}.prefix`, given.prefix ?? 'sallyport:usage'));

  return {
    async add(given) {
      const batch = checkBatch(where, given);
      let record = '';
      await addOnce(batch, keep, {
        async look() {
          const { held, text, time } = await look(send, keys, batch.instance);
          record = text;
          return { held, time };
        },
        async add(next) {
          const answer = await send(
            'EVAL',
            ...asked(keys, { next, record, rows: batch.rows }, keep),
          );
          if (answer === 'added' || answer === 'changed') return answer === 'added';
          throw unreadable(keys.undated);
        },
      });
    },
    async read() {
      const instances = await readInstances(send, keys, cutoffOf(Date.now(), keep));
      const rows = await readRows(send, keys);
      return {
        trackingSince: trackingSinceOf(instances.found),
        rows: rows.found,
        instances: instances.found,
        ...skippedIn(instances, rows),
      };
    },
  };
}

/** What was read, and how much of it was nobody's count. */
interface Found<T> {
  readonly found: T[];
  skipped: number;
}

const skippedIn = (one: Found<unknown>, other: Found<unknown>) => {
  const skipped = one.skipped + other.skipped;
  return skipped > 0 ? { skipped } : {};
};

function keysUnder(prefix: string) {
  const base = /^[^{]*\{[^}]+\}/.test(prefix) ? prefix : `{${prefix}}`;
  return {
    instances: `${base}:instances`,
    heard: `${base}:heard`,
    undated: `${base}:rows`,
    ages: `${base}:ages`,
    days: `${base}:days`,
    day: (day: string) => `${base}:rows:${day}`,
    topic: (topic: string) => `${base}:details:${topic}`,
  };
}

async function look(send: Send, keys: Keys, instance: string) {
  const answer = await send('EVAL', lookScript, '1', keys.instances, instance);
  const [record, time] = Array.isArray(answer) ? (answer as unknown[]) : [];
  if (record === undefined) throw unreadable(keys.instances);
  const text = String(record);
  const held = text === '' ? undefined : instanceOf({ ...objectIn(text), instance });
  if (text !== '' && !held) throw unreadable(keys.instances);
  return { held, text, time: Number(time) };
}

const recordOf = ({ instance: _, ...record }: UsageInstance): string => JSON.stringify(record);

interface Asked {
  readonly next: UsageInstance;
  /** What is stored of the instance now; empty if nothing is. */
  readonly record: string;
  readonly rows: readonly UsageRow[];
}

/** The script, its keys and its arguments. */
function asked(keys: Keys, { next, record, rows }: Asked, keep: number): string[] {
  const { instances, heard, undated, ages, days } = keys;
  const numbers = new Map([instances, heard, undated, ages, days].map((key, i) => [key, i + 1]));
  const numberOf = (key: string): number => {
    const number = numbers.get(key) ?? numbers.size + 1;
    numbers.set(key, number);
    return number;
  };
  const args: (string | number)[] = [...[next.instance, record, recordOf(next), next.at, keep]];
  for (const row of rows) {
    const topic = topicOf(row);
    args.push(nameOf(row), nameOf(folded(row)));
    args.push(numberOf(row.day === '' ? undated : keys.day(row.day)));
    args.push(topic === undefined ? 0 : numberOf(keys.topic(topic)));
    args.push(row.detail, roomFor(row.what), row.count, row.first, row.last);
  }
  return [addScript, String(numbers.size), ...numbers.keys(), ...args.map(String)];
}

async function readInstances(
  send: Send,
  keys: Keys,
  cutoff: number,
): Promise<Found<UsageInstance>> {
  const told: Found<UsageInstance> = { found: [], skipped: 0 };
  for (const [instance, record] of await scan(send, keys.instances)) {
    const one = instanceOf({ ...objectIn(record), instance });
    if (one) told.found.push(withoutOld(one, cutoff));
    else told.skipped += 1;
  }
  return told;
}

function objectIn(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

async function readRows(send: Send, keys: Keys): Promise<Found<UsageRow>> {
  const days = await send('ZRANGE', keys.days, '0', '-1');
  if (!Array.isArray(days)) throw unreadable(keys.days);
  const told: Found<UsageRow> = { found: [], skipped: 0 };
  for (const day of ['', ...days.map(String)]) {
    const key = day === '' ? keys.undated : keys.day(day);
    for (const [name, counted] of await scan(send, key)) {
      const [, count, first, last] = /^(\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(counted) ?? [];
      const numbers = { count: Number(count), first: Number(first), last: Number(last) };
      const row = rowOf({ ...namedBy(name), ...numbers });
      if (row?.day === day) told.found.push(row);
      else told.skipped += 1;
    }
  }
  return told;
}

/** All fields of a hash, some at a time: Redis may tell one twice, and is not held up. */
async function scan(send: Send, key: string): Promise<Map<string, string>> {
  const fields = new Map<string, string>();
  let cursor = '0';
  do {
    const answer = await send('HSCAN', key, cursor, 'COUNT', '500');
    const [next, found] = Array.isArray(answer) ? (answer as unknown[]) : [];
    if (!Array.isArray(found)) throw unreadable(key);
    for (let i = 0; i + 1 < found.length; i += 2)
      fields.set(String(found[i]), String(found[i + 1]));
    cursor = String(next);
  } while (cursor !== '0');
  return fields;
}

const unreadable = (key: string) =>
  broken(
    'ERR_USAGE_VALUE',
    `${where}: what is stored at or beside ${JSON.stringify(key)} is no count`,
  );
