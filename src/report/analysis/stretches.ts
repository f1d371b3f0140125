/** Some time, in milliseconds since 1970. */
export type Stretch = readonly [from: number, to: number];

/** The same time in stretches that are in order, not empty and do not touch each other. */
export function union(given: readonly Stretch[]): Stretch[] {
  const sorted = given.filter(([from, to]) => to > from).sort(([one], [other]) => one - other);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** What is left of the one time without the other; both as {@link union} returns them. */
export function without(time: readonly Stretch[], other: readonly Stretch[]): Stretch[] {
  const left: Stretch[] = [];
  let next = 0;
  for (const [from, to] of time) {
    let start = from;
    // What ends before this stretch ends before all later ones, too.
    while ((other[next]?.[1] ?? Infinity) <= from) next += 1;
    for (let at = next; start < to; at += 1) {
      const [cut, end] = other[at] ?? [Infinity, Infinity];
      if (cut > start) left.push([start, Math.min(cut, to)]);
      start = Math.max(start, end);
    }
  }
  return left;
}

/** The part of it that is in a stretch. */
export const clip = (time: readonly Stretch[], [from, to]: Stretch): Stretch[] =>
  time
    .map(([start, end]): Stretch => [Math.max(start, from), Math.min(end, to)])
    .filter(([start, end]) => end > start);

export const lengthOf = (time: readonly Stretch[]): number =>
  time.reduce((sum, [from, to]) => sum + to - from, 0);
