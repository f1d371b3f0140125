import { checkBatch, instanceOf, namedBy, rowOf } from '../../core/usage/batch.js';
import { trackingSinceOf, withoutOld } from '../../core/usage/coverage.js';
import { clientsIn, folded, roomFor, topicOf } from '../../core/usage/overflow.js';
import {
  nameOf,
  type UsageClient,
  type UsageInstance,
  type UsageRow,
  type UsageStore,
} from '../../index.js';
import { broken } from '../broken.js';
import { type RedisClient, senderOf } from '../redis-client.js';
import { someText } from '../settings.js';
import { addScript, lookScript } from './redis-script.js';
import { addOnce, cutoffOf, damaged, keepOf, settingsOf, unreadIn } from './row.js';

/** Where counts are stored in Redis, and for how long. */
export interface RedisUsageStoreOptions {
  /**
   * The prefix of every Redis key. It becomes a hash tag, unless it contains one, so that all keys are
   * in one slot of a cluster. @default 'sallyport:usage'
   */
  readonly prefix?: string;
  /** Days, 280 at least. @default 400 */
  readonly keep?: number;
}

type Send = ReturnType<typeof senderOf>;
type Keys = ReturnType<typeof keysUnder>;

const where = 'redisUsageStore';

/**
 * Creates a store of counts in Redis that all processes share. A batch is one script, so it is added
 * completely or not at all. Its functions reject with the errors of Redis, and with
 * `ERR_USAGE_VALUE` for an unexpected value.
 * @throws ConfigError for invalid options
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
      const told = await readInstances(send, keys);
      const { rows, skipped } = await readRows(send, keys);
      const { time } = await look(send, keys, '');
      const instances = told.instances.map((one) => withoutOld(one, cutoffOf(time, keep)));
      const unread = unreadIn(skipped, told.unreadable);
      return { trackingSince: trackingSinceOf(instances), rows, instances, ...unread };
    },
    async clients() {
      return (await readClients(send, keys)) ?? clientsIn((await readRows(send, keys)).rows);
    },
  };
}

function keysUnder(prefix: string) {
  const base = /^[^{]*\{[^}]+\}/.test(prefix) ? prefix : `{${prefix}}`;
  return {
    instances: `${base}:instances`,
    heard: `${base}:heard`,
    undated: `${base}:rows`,
    ages: `${base}:ages`,
    days: `${base}:days`,
    clients: `${base}:clients`,
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
  if (text !== '' && !held) throw damaged(where, instance);
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
  const { instances, heard, undated, ages, days, clients } = keys;
  const fixed = [instances, heard, undated, ages, days, clients];
  const numbers = new Map(fixed.map((key, i) => [key, i + 1]));
  const numberOf = (key: string): number => {
    const number = numbers.get(key) ?? numbers.size + 1;
    numbers.set(key, number);
    return number;
  };
  // In the time of Redis: a guard whose clock is years behind must not be deleted as soon as it closes.
  const heardAt = next.at - (next.skew ?? 0);
  const came = clientsIn(rows).map(({ client, issuer }) => JSON.stringify([client, issuer]));
  const args: (string | number)[] = [...[next.instance, record, recordOf(next), heardAt, keep]];
  args.push(came.length, ...came);
  for (const row of rows) {
    const topic = topicOf(row);
    args.push(nameOf(row), nameOf(folded(row)));
    args.push(numberOf(row.day === '' ? undated : keys.day(row.day)));
    args.push(topic === undefined ? 0 : numberOf(keys.topic(topic)));
    args.push(row.detail, roomFor(row.what), row.count, row.first, row.last);
  }
  return [addScript, String(numbers.size), ...numbers.keys(), ...args.map(String)];
}

async function readInstances(send: Send, keys: Keys) {
  const [instances, unreadable]: [UsageInstance[], string[]] = [[], []];
  for (const [instance, record] of await scan(send, keys.instances)) {
    const one = instanceOf({ ...objectIn(record), instance });
    if (one) instances.push(one);
    else unreadable.push(instance);
  }
  return { instances, unreadable };
}

/** Returns the clients in their list; undefined if the list was lost, or something else wrote to it. */
async function readClients(send: Send, keys: Keys): Promise<readonly UsageClient[] | undefined> {
  const listed = await scan(send, keys.clients, 'ZSCAN');
  if (!listed.delete('')) return undefined;
  const clients = [...listed.keys()].map((name): UsageClient | undefined => {
    const { 0: client, 1: issuer } = objectIn(name) as Readonly<Record<number, unknown>>;
    return typeof client === 'string' && typeof issuer === 'string'
      ? { client, issuer }
      : undefined;
  });
  return clients.every((one) => one !== undefined) ? clients : undefined;
}

function objectIn(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

async function readRows(send: Send, keys: Keys) {
  const days = await send('ZRANGE', keys.days, '0', '-1');
  if (!Array.isArray(days)) throw unreadable(keys.days);
  const rows: UsageRow[] = [];
  let skipped = 0;
  for (const day of ['', ...days.map(String)]) {
    const key = day === '' ? keys.undated : keys.day(day);
    for (const [name, counted] of await scan(send, key)) {
      const [, count, first, last] = /^(\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(counted) ?? [];
      const numbers = { count: Number(count), first: Number(first), last: Number(last) };
      const row = rowOf({ ...namedBy(name), ...numbers });
      if (row?.day === day) rows.push(row);
      else skipped += 1;
    }
  }
  return { rows, skipped };
}

/** Reads all fields of a hash or members of a set in small steps, so that Redis is not blocked. */
async function scan(send: Send, key: string, command = 'HSCAN'): Promise<Map<string, string>> {
  const fields = new Map<string, string>();
  let cursor = '0';
  do {
    const answer = await send(command, key, cursor, 'COUNT', '500');
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
    `${where}: the values at ${JSON.stringify(key)} and related keys must be counts that this store wrote; got something else. Delete it, or set another prefix`,
  );
