import { unexamined } from './overflow.js';
import {
  mostCount,
  type Stretch,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
} from './usage.js';

/** A batch; its rows are needed only for sums per day. */
type Told = Omit<UsageBatch, 'rows'> & { readonly rows?: readonly UsageRow[] };

/** The kinds that count requests. They are summed per day, to detect lost rows. */
const requests: ReadonlySet<string> = new Set(['key', 'token', 'refused', 'other', 'both']);

/** Returns whether a kind counts requests and is summed per day. */
export const isRequest = (what: string): boolean => requests.has(what);

/** Returns how many requests the rows count. */
export const requestsIn = (rows: readonly UsageRow[]): number =>
  rows.reduce((sum, { what, count }) => sum + (requests.has(what) ? count : 0), 0);
/** The sums of at most this many days are stored, the newest ones. */
const mostDays = 4_000;

/** At most this many intervals are stored per instance, the newest ones. */
const mostStretches = 100;

/** Clock differences up to this are ignored; milliseconds. */
const tolerance = 5 * 60_000;

/**
 * Returns the state of an instance after a batch is added; undefined if the batch was added before. All
 * stores use this function.
 *
 * An interval is watched if its counts are stored. A missing batch number means that a batch was lost,
 * for example because the store was restored from a backup; its time is not watched. If `since` has
 * changed, the instance's clock was set, so its earlier intervals were dated wrongly.
 * @param held The state before, if there is one.
 * @param batch The batch with its rows: their sums per day reveal rows that a store has lost.
 * @param storeTime The store's own clock, in milliseconds since 1970, if it has one.
 * @throws an Error with the code `ERR_USAGE_INSTANCE` if another guard uses the same name: the number is
 * below the newest one, or belongs to a different batch
 */
export function advanceInstance(
  held: UsageInstance | undefined,
  { rows = [], from, sentAt, firstSeq, ...state }: Told,
  storeTime?: number,
): UsageInstance | undefined {
  const { instance, seq, since, at, every, dropped, closed, excludes, tag } = state;
  const before = held?.seq ?? 0;
  if (held && seq <= before) return rejectOther(held, state);
  const skipped = seq - before - 1;
  const unbroken = held && skipped === 0 ? unbrokenOf(held) : seq;
  const begun =
    (firstSeq ?? seq) < unbroken ? at : (from ?? (skipped > 0 ? at : (held?.at ?? since)));
  const known = held && held.since === since ? watchedOf(held) : [];
  const skew =
    sentAt === undefined || storeTime === undefined ? undefined : Math.round(sentAt - storeTime);
  const counted = sumsOf(held?.counted, rows);
  return {
    ...{ instance, seq, since, at, every, dropped, closed, unbroken },
    watched: withStretch(known, [Math.min(begun, at), at], begun < at),
    missing: (held?.missing ?? 0) + skipped,
    ...(skew !== undefined && { skew }),
    ...(excludes && { excludes }),
    ...(counted && { counted }),
    ...droppedOf(held, { rows, since, at, dropped }),
    ...(tag !== undefined && { tag }),
  };
}

/** What rows tell by day of the requests that an instance had no room to count, and until when the others came. */
function droppedOf(
  held: UsageInstance | undefined,
  { rows, since, at, dropped }: Required<Pick<Told, 'rows' | 'since' | 'at' | 'dropped'>>,
): Pick<UsageInstance, 'droppedByDay' | 'droppedUntil'> {
  const byDay = Math.min((held?.droppedByDay ?? 0) + droppedIn(rows), mostCount);
  const noMore = held?.dropped === dropped && held.since === since;
  return {
    ...(byDay > 0 && { droppedByDay: byDay }),
    ...(dropped > byDay && { droppedUntil: (noMore && held.droppedUntil) || at }),
  };
}

// A token that was not examined is in no count of what was dropped.
const droppedIn = (rows: readonly UsageRow[]): number =>
  rows.reduce(
    (sum, { what, detail, count }) =>
      what === 'other' && detail !== unexamined ? sum + count : sum,
    0,
  );

const unbrokenOf = ({ unbroken, missing = 0, seq }: UsageInstance): number =>
  unbroken ?? (missing === 0 ? 1 : seq);

// An instance repeats a batch until it is accepted, and only then sends the next one. A different batch
// with a used number comes from a clone of the process, and must not pass for the stored one.
function rejectOther(held: UsageInstance, told: Told): undefined {
  if (isRepeated(held, told)) return undefined;
  const { instance, seq } = told;
  throw Object.assign(
    new Error(
      `the store has a different batch ${seq} of instance ${JSON.stringify(instance)}: two processes use the same instance name, as clones of a machine do`,
    ),
    { code: 'ERR_USAGE_INSTANCE' },
  );
}

function isRepeated(held: UsageInstance, { seq, tag, at, since }: Told): boolean {
  if (seq !== held.seq) return false;
  // Batches of older versions and of other programs have no tag.
  if (tag !== undefined && held.tag !== undefined) return tag === held.tag;
  return at === held.at && since === held.since;
}

function sumsOf(
  held: UsageInstance['counted'],
  rows: readonly UsageRow[],
): UsageInstance['counted'] {
  const sums = new Map(Object.entries(held ?? {}));
  for (const { what, day, count } of rows) {
    if (requests.has(what) && day !== '')
      sums.set(day, Math.min((sums.get(day) ?? 0) + count, mostCount));
  }
  return sums.size === 0 ? undefined : Object.fromEntries([...sums].sort().slice(-mostDays));
}

/** Returns the watched intervals of an instance, also if an older version stored it without them. */
export const watchedOf = ({ watched, since, at }: UsageInstance): readonly Stretch[] =>
  watched ?? [[Math.min(since, at), at]];

// An empty interval only shows that the instance existed, so it is dropped if there are others.
function withStretch(
  known: readonly Stretch[],
  added: Stretch,
  hasLength: boolean,
): readonly Stretch[] {
  if (!hasLength && known.length > 0) return known;
  const merged: [number, number][] = [];
  for (const [from, to] of [...known, added].sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  const long = merged.filter(([from, to]) => to > from);
  return (long.length > 0 ? long : merged).slice(-mostStretches);
}

const day = 86_400_000;

/**
 * Returns the instance without the time before a cut-off, in milliseconds since 1970. Sums per day are
 * deleted two days before the rows, so that deleted rows do not look lost.
 */
export function withoutOld(instance: UsageInstance, cutoff: number): UsageInstance {
  const watched = watchedOf(instance);
  const [first] = watched;
  const { counted = {} } = instance;
  const oldest = new Date(Math.max(0, cutoff) + 2 * day).toISOString().slice(0, 10);
  const days = Object.entries(counted);
  const kept = days.filter(([one]) => one >= oldest);
  const isYoung = !first || first[0] >= cutoff;
  if (isYoung && kept.length === days.length) return instance;
  const young = watched.filter(([, to]) => to >= cutoff);
  return {
    ...instance,
    watched: young.map(([from, to]) => [Math.max(from, cutoff), to]),
    ...(days.length > 0 && { counted: Object.fromEntries(kept) }),
  };
}

/**
 * Returns the start of the earliest watched interval. If the instance's clock is known to be behind the
 * store's, the store's time is used: a slow clock must not extend the watched time.
 */
export function trackingSinceOf(instances: Iterable<UsageInstance>): number | undefined {
  let earliest: number | undefined;
  for (const instance of instances) {
    const from = watchedOf(instance)[0]?.[0];
    // All its counts have been deleted.
    if (from === undefined) continue;
    const { skew = 0 } = instance;
    const since = skew < -tolerance ? from - skew : from;
    if (earliest === undefined || since < earliest) earliest = since;
  }
  return earliest;
}
