import { checkBatch, instanceOf, namedBy, rowOf } from '../core/migration/usage-batch.js';
import { folded, roomFor, topicOf } from '../core/migration/usage-room.js';
import {
  nameOf,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
  type UsageStore,
} from '../index.js';
import { broken } from './broken.js';
import { type RedisClient, senderOf } from './redis-client.js';
import { someText } from './settings.js';
import { addScript } from './usage-redis-script.js';
import { keepOf, settingsOf } from './usage-row.js';

/** Where counts are in Redis, and for how long. */
export interface RedisUsageOptions {
  /**
   * What stands before each name. It becomes a hash tag, unless it has one: all of it is in one
   * slot of a cluster. @default 'sallyport:usage'
   */
  readonly prefix?: string;
  /** Days. @default 400 */
  readonly keep?: number;
}

type Send = ReturnType<typeof senderOf>;
type Keys = ReturnType<typeof keysUnder>;

const where = 'redisUsage';

/**
 * Keeps counts in Redis, for all processes to add to. A batch is one script, so it is added whole
 * or not at all; what cannot be told, by an error of Redis or a value that is nobody's count, is
 * thrown.
 * @throws ConfigError for options that cannot be meant
 */
export function redisUsage(client: RedisClient, options: RedisUsageOptions = {}): UsageStore {
  const send = senderOf(where, client);
  const given = settingsOf(where, options, ['prefix', 'keep']);
  const keep = keepOf(where, given.keep);
  const keys = keysUnder(someText(`${where}.prefix`, given.prefix ?? 'sallyport:usage'));

  return {
    async add(batch) {
      const answer = await send('EVAL', ...asked(keys, checkBatch(where, batch), keep));
      if (answer === 'added' || answer === 'known') return;
      throw unreadable(answer === 'instances' ? keys.instances : keys.undated);
    },
    async read() {
      const trackingSince = await readSince(send, keys);
      const instances = await readInstances(send, keys);
      return { trackingSince, rows: await readRows(send, keys), instances };
    },
  };
}

function keysUnder(prefix: string) {
  const base = /^[^{]*\{[^}]+\}/.test(prefix) ? prefix : `{${prefix}}`;
  return {
    since: `${base}:since`,
    instances: `${base}:instances`,
    heard: `${base}:heard`,
    undated: `${base}:rows`,
    ages: `${base}:ages`,
    days: `${base}:days`,
    day: (day: string) => `${base}:rows:${day}`,
    topic: (topic: string) => `${base}:details:${topic}`,
  };
}

/** The script, its keys and its arguments. */
function asked(keys: Keys, { rows, ...told }: UsageBatch, keep: number): string[] {
  const { since, instances, heard, undated, ages, days } = keys;
  const numbers = new Map(
    [since, instances, heard, undated, ages, days].map((key, i) => [key, i + 1]),
  );
  const numberOf = (key: string): number => {
    const number = numbers.get(key) ?? numbers.size + 1;
    numbers.set(key, number);
    return number;
  };
  const { instance, seq, ...others } = told;
  const args: (string | number)[] = [
    ...[instance, seq, JSON.stringify({ seq, ...others }), told.since, told.at, keep],
  ];
  for (const row of rows) {
    const topic = topicOf(row);
    args.push(nameOf(row), nameOf(folded(row)));
    args.push(numberOf(row.day === '' ? undated : keys.day(row.day)));
    args.push(topic === undefined ? 0 : numberOf(keys.topic(topic)));
    args.push(row.detail, roomFor(row.what), row.count, row.first, row.last);
  }
  return [addScript, String(numbers.size), ...numbers.keys(), ...args.map(String)];
}

async function readSince(send: Send, keys: Keys): Promise<number | undefined> {
  const stored = await send('GET', keys.since);
  if (stored === null || stored === undefined) return undefined;
  if (!/^\d{1,15}(\.\d+)?$/.test(String(stored))) throw unreadable(keys.since);
  return Number(stored);
}

async function readInstances(send: Send, keys: Keys): Promise<UsageInstance[]> {
  const instances: UsageInstance[] = [];
  for (const [instance, record] of await scan(send, keys.instances)) {
    const told = instanceOf({ ...objectIn(record), instance });
    if (!told) throw unreadable(keys.instances);
    instances.push(told);
  }
  return instances;
}

function objectIn(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

async function readRows(send: Send, keys: Keys): Promise<UsageRow[]> {
  const days = await send('ZRANGE', keys.days, '0', '-1');
  if (!Array.isArray(days)) throw unreadable(keys.days);
  const rows: UsageRow[] = [];
  for (const day of ['', ...days.map(String)]) {
    const key = day === '' ? keys.undated : keys.day(day);
    for (const [name, counted] of await scan(send, key)) {
      const [, count, first, last] = /^(\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(counted) ?? [];
      const numbers = { count: Number(count), first: Number(first), last: Number(last) };
      const row = rowOf({ ...namedBy(name), ...numbers });
      if (row?.day !== day) throw unreadable(key);
      rows.push(row);
    }
  }
  return rows;
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
