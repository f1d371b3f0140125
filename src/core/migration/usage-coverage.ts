import type { Stretch, UsageBatch, UsageInstance } from './usage.js';

/** The newest stretches that are kept of an instance. */
const mostStretches = 100;

/** By how much clocks may differ before it matters to the counts, in milliseconds. */
const tolerance = 5 * 60_000;

/**
 * What a store knows of an instance once a batch is added to what it knew; undefined for a batch that
 * it has added before. All stores do it by this one function.
 *
 * Time counts as watched where its counts are held. A number that is missing is a batch that was lost:
 * by the store, which may have gone back to an older backup, or because it could not be stored. Its
 * time is left out. An instance that dates its beginning anew has had its clock set: what it told
 * before was dated wrongly.
 * @param storeTime the store's own clock, in milliseconds since 1970, if it has one
 */
export function advanceInstance(
  held: UsageInstance | undefined,
  { instance, seq, since, at, every, dropped, closed, from, sentAt }: Omit<UsageBatch, 'rows'>,
  storeTime?: number,
): UsageInstance | undefined {
  const before = held?.seq ?? 0;
  if (seq <= before) return undefined;
  const skipped = seq - before - 1;
  const begun = from ?? (skipped > 0 ? at : (held?.at ?? since));
  const known = held && held.since === since ? watchedOf(held) : [];
  const skew =
    sentAt === undefined || storeTime === undefined ? undefined : Math.round(sentAt - storeTime);
  return {
    ...{ instance, seq, since, at, every, dropped, closed },
    watched: withStretch(known, [Math.min(begun, at), at], begun < at),
    missing: (held?.missing ?? 0) + skipped,
    ...(skew !== undefined && { skew }),
  };
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

/** The same without the time before a cut-off, in milliseconds: what is forgotten is not held. */
export function withoutOld(instance: UsageInstance, cutoff: number): UsageInstance {
  const watched = watchedOf(instance);
  const [first] = watched;
  if (!first || first[0] >= cutoff) return instance;
  const young = watched.filter(([, to]) => to >= cutoff);
  return { ...instance, watched: young.map(([from, to]) => [Math.max(from, cutoff), to]) };
}

/**
 * The earliest time whose counts are held, by the store's clock where that is known to be ahead of the
 * instance's: a clock that was behind does not make the time before watched.
 */
export function trackingSinceOf(instances: Iterable<UsageInstance>): number | undefined {
  let earliest: number | undefined;
  for (const instance of instances) {
    const from = watchedOf(instance)[0]?.[0] ?? instance.at;
    const { skew = 0 } = instance;
    const since = skew < -tolerance ? from - skew : from;
    if (earliest === undefined || since < earliest) earliest = since;
  }
  return earliest;
}
