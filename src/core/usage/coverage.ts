import { unexamined } from './overflow.js';
import {
  mostCount,
  type Stretch,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
} from './usage.js';

/** A batch, and its rows where they are to be summed by day. */
type Told = Omit<UsageBatch, 'rows'> & { readonly rows?: readonly UsageRow[] };

/** Kinds that are requests, and are summed by day: what is lost of them is missed. */
const requests: ReadonlySet<string> = new Set(['key', 'token', 'refused', 'other', 'both']);

/** Tells whether rows of a kind are summed by day. */
export const isRequest = (what: string): boolean => requests.has(what);

/** How many requests rows are about. */
export const requestsIn = (rows: readonly UsageRow[]): number =>
  rows.reduce((sum, { what, count }) => sum + (requests.has(what) ? count : 0), 0);
/** The newest days whose sums are kept. */
const mostDays = 4_000;

/** The newest stretches that are kept of an instance. */
const mostStretches = 100;

/** By how much clocks may differ before it matters to the counts, in milliseconds. */
const tolerance = 5 * 60_000;

/**
 * What a store knows of an instance once a batch is added to what it knew; undefined for its newest
 * batch, which comes again. All stores do it by this one function.
 *
 * Time counts as watched where its counts are held. A number that is missing is a batch that was lost:
 * by the store, which may have gone back to an older backup, or because it could not be stored. Its
 * time is left out. An instance that dates its beginning anew has had its clock set: what it told
 * before was dated wrongly.
 * @param batch with its rows: their sums by day find out rows that a store has lost
 * @param storeTime the store's own clock, in milliseconds since 1970, if it has one
 * @throws an Error with the code `ERR_USAGE_INSTANCE` for a batch of another guard with the same name:
 * its number is below the newest one, or it is another batch of that number
 */
export function advanceInstance(
  held: UsageInstance | undefined,
  { rows = [], from, sentAt, firstSeq, ...state }: Told,
  storeTime?: number,
): UsageInstance | undefined {
  const { instance, seq, since, at, every, dropped, closed, excludes, tag } = state;
  const before = held?.seq ?? 0;
  if (held && seq <= before) return refuseOther(held, state);
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

// A batch comes again until it was taken, and only then the next one. Whatever else has a number that is
// taken is of a copy of the process, which counts on by the same name: it must not pass for what is held.
function refuseOther(held: UsageInstance, told: Told): undefined {
  if (isRepeated(held, told)) return undefined;
  const { instance, seq } = told;
  throw Object.assign(
    new Error(
      `the store has another batch ${seq} of the instance ${JSON.stringify(instance)}: two processes count by one name, as copies of a machine do`,
    ),
    { code: 'ERR_USAGE_INSTANCE' },
  );
}

function isRepeated(held: UsageInstance, { seq, tag, at, since }: Told): boolean {
  if (seq !== held.seq) return false;
  // One that an older version has made, or another program, has none.
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

/** The stretches of an instance; one that an older version has stored tells none. */
export const watchedOf = ({ watched, since, at }: UsageInstance): readonly Stretch[] =>
  watched ?? [[Math.min(since, at), at]];

// A stretch without length says no more than that somebody was there: it stands only where none does.
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
 * The same without the time before a cut-off, in milliseconds: what is forgotten is not held. Sums of
 * days go two days sooner than the rows, which must not look lost.
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
 * The earliest time whose counts are held, by the store's clock where that is known to be ahead of the
 * instance's: a clock that was behind does not make the time before watched.
 */
export function trackingSinceOf(instances: Iterable<UsageInstance>): number | undefined {
  let earliest: number | undefined;
  for (const instance of instances) {
    const from = watchedOf(instance)[0]?.[0];
    // All that it has told is forgotten.
    if (from === undefined) continue;
    const { skew = 0 } = instance;
    const since = skew < -tolerance ? from - skew : from;
    if (earliest === undefined || since < earliest) earliest = since;
  }
  return earliest;
}
