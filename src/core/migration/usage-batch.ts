import {
  nameOf,
  type UsageBatch,
  type UsageInstance,
  type UsageKind,
  type UsageRow,
} from './usage.js';

type Named = Omit<UsageRow, 'count' | 'first' | 'last'>;

const isText = (value: unknown): value is string => typeof value === 'string';
const isWhole = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
const isTime = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;
const isDay = (value: unknown): value is string =>
  isText(value) && /^(\d{4}-\d\d-\d\d)?$/.test(value);

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** A row that can be meant. Its kind may be one of a newer version. */
export function rowOf(value: unknown): UsageRow | undefined {
  const { client, key, what, detail, day, count, first, last } = membersOf(value);
  if (!isText(client) || !isText(key) || !isText(what) || !isText(detail)) return undefined;
  if (what === '' || !isDay(day) || !isWhole(count)) return undefined;
  if (!isWhole(first) || !isWhole(last) || last < first) return undefined;
  return { client, key, what: what as UsageKind, detail, day, count, first, last };
}

/** What an instance says of itself, if it can be meant. */
export function instanceOf(value: unknown): UsageInstance | undefined {
  const { instance, seq, since, at, every, dropped, closed } = membersOf(value);
  if (!isText(instance) || instance === '' || !isWhole(seq) || !isWhole(dropped)) return undefined;
  if (!isTime(since) || !isTime(at) || !isTime(every) || typeof closed !== 'boolean') {
    return undefined;
  }
  return { instance, seq, since, at, every, dropped, closed };
}

/** What the name of a row names, if it is one. */
export function namedBy(name: string): Named | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(name);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 5) return undefined;
  const [client, key, what, detail, day] = parts as unknown[];
  const row = rowOf({ client, key, what, detail, day, count: 0, first: 0, last: 0 });
  return row && nameOf(row) === name ? row : undefined;
}

const mostRows = 1_000;

/**
 * A batch as it is to be stored: only what can be read again may get there.
 * @throws TypeError for one that cannot be meant
 */
export function checkBatch(where: string, batch: UsageBatch): UsageBatch {
  const wrong = (what: string) =>
    Object.assign(new TypeError(`${where}: ${what}`), { code: 'ERR_USAGE_BATCH' });
  const told = instanceOf(batch);
  if (!told) throw wrong('what the batch says of its instance cannot be meant');
  if (!Array.isArray(batch.rows)) throw wrong('the batch has no list of rows');
  if (batch.rows.length > mostRows) throw wrong(`the batch has over ${mostRows} rows`);
  const rows = batch.rows.map((given) => {
    const row = rowOf(given);
    if (!row) throw wrong('a row of the batch cannot be meant');
    return row;
  });
  return { ...told, rows };
}
