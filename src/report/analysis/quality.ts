import type { Times } from './client.js';
import { daysIn } from './clock.js';
import type { GuardTime } from './guards.js';
import type { DataQuality, UnwatchedTime } from './model.js';
import { droppedOf, type Made, notesOf } from './notes.js';
import { lostGuards } from './silence.js';
import { lengthOf } from './stretches.js';
import { gapOf, type Watch } from './watch.js';

/** Entries of each list. */
const most = 20;

export function qualityOf(made: Made, { watch, clock }: Times): DataQuality {
  const { guards, excluded } = made;
  const { since, reporting, total } = watch;
  const lost = lostGuards(guards, clock);
  const unreadable = guards.flatMap(({ state, instance }) =>
    state === 'unreadable' ? [instance] : [],
  );
  const clocks = clocksOf(guards);
  const told = lastTold(guards);
  return {
    ...(since !== undefined && { trackingSince: new Date(since).toISOString() }),
    daysTracked: since === undefined ? 0 : daysIn(clock.now - since),
    daysWatched: daysIn(total),
    reporting,
    ...(told !== undefined && { lastTold: new Date(told).toISOString() }),
    unwatched: unwatchedOf(watch, guards),
    lost: lost.slice(0, most),
    ...(lost.length > most && { lostLeftOut: lost.length - most }),
    ...(unreadable.length > 0 && { unreadable: unreadable.slice(0, most) }),
    ...(unreadable.length > most && { unreadableLeftOut: unreadable.length - most }),
    ...(clocks.length > 0 && { clocks: clocks.slice(0, most) }),
    missingBatches: guards.reduce((sum, { missing }) => sum + missing, 0),
    dropped: droppedOf(made),
    withoutClient: made.counts.withoutClient.month,
    excluded,
    notes: notesOf(made, { watch, clock }, lost),
  };
}

const lastTold = (guards: readonly GuardTime[]): number | undefined =>
  guards.reduce<number | undefined>(
    (last, { lastTold: told }) => (told === undefined ? last : Math.max(last ?? told, told)),
    undefined,
  );

const clocksOf = (guards: readonly GuardTime[]) =>
  guards
    .filter(({ off }) => off !== 0)
    .sort((one, other) => Math.abs(other.off) - Math.abs(one.off))
    .map(({ instance, off }) => ({ instance, aheadSeconds: Math.round(off / 1000) }));

function unwatchedOf({ unwatched }: Watch, guards: readonly GuardTime[]): DataQuality['unwatched'] {
  const longest = unwatched.toSorted(
    ([from, to], [start, end]) => end - start - (to - from) || start - from,
  );
  const stretches = longest.slice(0, most).map((stretch): UnwatchedTime => {
    const { why, instances } = gapOf(stretch, guards);
    const [from, to] = stretch;
    return {
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      seconds: Math.ceil((to - from) / 1000),
      why,
      instances: instances.slice(0, 10),
    };
  });
  return {
    seconds: Math.ceil(lengthOf(unwatched) / 1000),
    stretches,
    leftOut: longest.length - stretches.length,
  };
}
