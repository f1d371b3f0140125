import { minute } from '../base/dates.js';
import { digestOf } from '../base/digest.js';
import {
  type ExcludedClient,
  mostCount,
  nameOf,
  type Stretch,
  type UsageBatch,
  type UsageInstance,
  type UsageKind,
  type UsageRow,
} from './usage.js';

type Named = Omit<UsageRow, 'count' | 'first' | 'last'>;

/** The end of the year 9999: the last day that is written with four digits. */
const mostTime = 253_402_300_799_999;
const mostMinute = Math.floor(mostTime / minute);
const mostSeconds = 31_536_000;
const mostExcluded = 1_000;
const mostDays = 40_000;

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= mostCount;
const isMinute = (value: unknown): value is number => isCount(value) && value <= mostMinute;
const isTime = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= mostTime;
const isTimeIfAny = (value: unknown): value is number | undefined =>
  value === undefined || isTime(value);

const undatedKinds: ReadonlySet<string> = new Set(['brownout', 'route', 'agent', 'query']);
const datedKinds: ReadonlySet<string> = new Set([
  ...['key', 'token', 'refused', 'claimed', 'would-deny', 'other'],
]);

/** Tells whether a kind is not counted by day. `both`, and one of a newer version, may be either. */
export const isUndated = (what: string): boolean => undatedKinds.has(what);

function isDayOf(what: string, day: unknown): day is string {
  if (day === '') return !datedKinds.has(what);
  if (!isText(day) || !/^\d{4}-\d\d-\d\d$/.test(day) || undatedKinds.has(what)) return false;
  const time = Date.parse(`${day}T00:00:00Z`);
  // 30 February would be another day.
  return isTime(time) && new Date(time).toISOString().startsWith(day);
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** A row that is valid. Its kind may be one of a newer version, its issuer unknown to an older one. */
export function rowOf(value: unknown): UsageRow | undefined {
  const { client, key, what, detail, day, count, first, last, issuer = '' } = membersOf(value);
  if (!isText(client) || !isText(key) || !isText(what) || !isText(detail)) return undefined;
  if (what === '' || !isText(issuer) || !isDayOf(what, day) || !isCount(count)) return undefined;
  if (!isMinute(first) || !isMinute(last) || last < first) return undefined;
  return { client, key, what: what as UsageKind, detail, day, count, first, last, issuer };
}

const isListOfClients = (value: unknown): value is readonly ExcludedClient[] =>
  Array.isArray(value) && value.length <= mostExcluded && value.every(isExcludedClient);

/** Tells whether it is what `excludes` lists. */
export function isExcludedClient(value: unknown): value is ExcludedClient {
  const { client, issuer } = membersOf(value);
  return isText(value) || (isText(client) && isText(issuer));
}

const isTag = (value: unknown): value is string => isText(value) && /^[\w-]{1,100}$/.test(value);

function isSums(value: unknown): value is Readonly<Record<string, number>> {
  const days = Object.entries(membersOf(value));
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return (
    isObject &&
    days.length <= mostDays &&
    days.every(([day, sum]) => day !== '' && isDayOf('key', day) && isCount(sum))
  );
}

/** What an instance says of itself, if it is valid. */
function stateOf(value: unknown) {
  const { instance, seq, since, at, every, dropped, closed } = membersOf(value);
  if (!isText(instance) || instance === '' || !isCount(seq) || seq === 0) return undefined;
  if (!isTime(since) || !isTime(at) || !isCount(dropped)) return undefined;
  if (typeof every !== 'number' || !(every >= 0 && every <= mostSeconds)) return undefined;
  const { excludes, tag } = membersOf(value);
  if (!(excludes === undefined || isListOfClients(excludes))) return undefined;
  if (!(tag === undefined || isTag(tag))) return undefined;
  if (typeof closed !== 'boolean') return undefined;
  const state = { instance, seq, since, at, every, dropped, closed };
  return { ...state, ...(excludes && { excludes }), ...(tag !== undefined && { tag }) };
}

/** What a store holds of an instance, if it is valid. */
export function instanceOf(value: unknown): UsageInstance | undefined {
  const state = stateOf(value);
  const { watched, missing, skew, counted, unbroken, temporary } = membersOf(value);
  const { droppedByDay, droppedUntil } = membersOf(value);
  if (!state || !(missing === undefined || isCount(missing))) return undefined;
  if (!(skew === undefined || Number.isFinite(skew))) return undefined;
  if (!(counted === undefined || isSums(counted))) return undefined;
  if (!(unbroken === undefined || isCount(unbroken))) return undefined;
  if (!(droppedByDay === undefined || isCount(droppedByDay))) return undefined;
  if (!isTimeIfAny(droppedUntil)) return undefined;
  const stretches = watched === undefined ? undefined : stretchesOf(watched);
  if (watched !== undefined && !stretches) return undefined;
  return {
    ...state,
    ...(stretches && { watched: stretches }),
    ...(missing !== undefined && { missing }),
    ...(skew !== undefined && { skew: skew as number }),
    ...(counted && { counted }),
    ...(unbroken !== undefined && { unbroken }),
    ...(droppedByDay !== undefined && { droppedByDay }),
    ...(droppedUntil !== undefined && { droppedUntil }),
    ...(temporary === true && { temporary }),
  };
}

function stretchesOf(value: unknown): readonly Stretch[] | undefined {
  if (!Array.isArray(value) || value.length > 1_000) return undefined;
  const stretches: Stretch[] = [];
  for (const one of value as unknown[]) {
    if (!Array.isArray(one) || one.length !== 2) return undefined;
    const [from, to] = one as unknown[];
    if (!isTime(from) || !isTime(to) || to < from) return undefined;
    stretches.push([from, to]);
  }
  return stretches;
}

/** A batch without its rows, if it is valid. */
export function toldOf(value: unknown): Omit<UsageBatch, 'rows'> | undefined {
  const state = stateOf(value);
  const { from, sentAt, firstSeq } = membersOf(value);
  if (!state || !isTimeIfAny(from) || !isTimeIfAny(sentAt)) return undefined;
  if (!(firstSeq === undefined || (isCount(firstSeq) && firstSeq <= state.seq))) return undefined;
  return {
    ...state,
    ...(from !== undefined && { from }),
    ...(sentAt !== undefined && { sentAt }),
    ...(firstSeq !== undefined && { firstSeq }),
  };
}

/** What the name of a row names, if it is one. */
export function namedBy(name: string): Named | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(name);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length < 5 || parts.length > 6) return undefined;
  const [client, key, what, detail, day, issuer = ''] = parts as unknown[];
  return rowOf({ client, key, what, detail, day, issuer, count: 0, first: 0, last: 0 });
}

/**
 * A tag for a batch. Copies of a process may have the same random values to come, so that is not all:
 * nor do they count the same at the same time, by a clock that nobody sets.
 */
export function tagOf(batch: Omit<UsageBatch, 'tag'>): string {
  const chance = [globalThis.crypto.randomUUID(), performance.now()];
  return digestOf(JSON.stringify([chance, batch]));
}

const mostRows = 1_000;

/**
 * A batch as it is to be stored: only what can be read again may get there.
 * @throws TypeError with the code `ERR_USAGE_BATCH` for one that is not valid
 */
export function checkBatch(where: string, batch: UsageBatch): UsageBatch {
  const wrong = (what: string) =>
    Object.assign(new TypeError(`${where}: ${what}`), { code: 'ERR_USAGE_BATCH' });
  const told = toldOf(batch);
  if (!told) throw wrong('the instance data of the batch is invalid');
  if (!Array.isArray(batch.rows)) throw wrong('the rows of the batch must be an array');
  if (batch.rows.length > mostRows)
    throw wrong(`the batch must have at most ${mostRows} rows; got ${batch.rows.length}`);
  const names = new Set<string>();
  const rows = batch.rows.map((given) => {
    const row = rowOf(given);
    if (!row) throw wrong('a row of the batch is invalid');
    names.add(nameOf(row));
    return row;
  });
  if (names.size < rows.length)
    throw wrong('the rows of the batch must differ in more than counts and times');
  return { ...told, rows };
}
