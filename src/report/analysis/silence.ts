import { byText, type Clock, durationOf, several } from './clock.js';
import type { GuardTime } from './guards.js';
import type { LostGuard } from './model.js';
import type { Watch } from './watch.js';

/** Of so many a sentence is said of each. */
export const few = 3;

/** Guards that ended without being closed, the last first; those first that nobody has said to be gone. */
export function lostGuards(guards: readonly GuardTime[], { now }: Pick<Clock, 'now'>): LostGuard[] {
  return (
    guards
      .filter(({ state }) => state === 'silent' || state === 'gone')
      // Of a clock that is off by nobody knows how much, the last word is of no known time.
      .flatMap((one) => (one.lastTold === undefined ? [] : [{ one, told: one.lastTold }]))
      .sort(
        (a, b) =>
          Number(a.one.state === 'gone') - Number(b.one.state === 'gone') ||
          b.told - a.told ||
          byText(a.one.instance, b.one.instance),
      )
      .map(({ one: { instance, goneAt, every }, told }) => ({
        instance,
        lastTold: new Date(told).toISOString(),
        atMostSeconds: Math.max(0, Math.ceil(((goneAt ?? now) - told) / 1000)),
        ...(goneAt === undefined
          ? { earliestEnd: new Date(Math.min(now, told + every * 1000)).toISOString() }
          : { gone: new Date(goneAt).toISOString() }),
      }))
  );
}

/** The option of the command that says that a guard has ended. */
export const goneOption = ({ instance, lastTold, earliestEnd = lastTold }: LostGuard): string =>
  `--gone ${instance}@${earliestEnd}`;

/** What to do about guards that fell silent. */
export function askFor(silent: readonly LostGuard[]): string[] {
  const some = silent
    .slice(0, few)
    .map(
      (one) =>
        `Guard ${one.instance} has told nothing since ${one.lastTold} and was not closed: what happened since is not known of any client, and of what it counted, the last ${several(one.atMostSeconds, 'second')} at most are missing. If it runs, look why its store does not take its counts; if it ended, say when, by \`gone\` or ${goneOption(one)} (that time or a later one).`,
    );
  const more = silent.length - few;
  if (more <= 0) return some;
  return [...some, `The same holds for ${several(more, 'more guard')}: see dataQuality.lost.`];
}

/** What to do about guards whose counts cannot be read. */
export function askForUnreadable(guards: readonly GuardTime[]): string[] {
  const names = guards.flatMap(({ state, instance }) => (state === 'unreadable' ? [instance] : []));
  const some = names
    .slice(0, few)
    .map(
      (name) =>
        `The counts of ${name} cannot be read (a damaged file or record, or a link), so what that guard saw is not known of any client. Restore it from a backup. If that is not possible, say when the guard ended, by \`gone\` or --gone ${name}@<time>; if no guard wrote it, by { instance, ours: false } or --gone ${name}@not-ours.`,
    );
  const more = names.length - few;
  if (more <= 0) return some;
  return [
    ...some,
    `The same holds for ${several(more, 'more entry', 'more entries')}: see dataQuality.unreadable.`,
  ];
}

/** What a wrong clock means, and what to do about it. */
export function clockOf({ instance, off, state }: GuardTime): string {
  const way = off > 0 ? 'ahead' : 'behind';
  const ended = state === 'silent' ? ` If it ended, say when, by --gone ${instance}@<time>.` : '';
  return `The clock of guard ${instance} is ${durationOf(Math.abs(off))} ${way}: when it saw a key is not known, so no time that it was there counts as watched. Set its clock and restart it.${ended}`;
}

export function silenceOf({ until, watched }: Watch): string {
  const from = watched.length === 0 ? 'at all' : `since ${new Date(until).toISOString()}`;
  return `No guard has told anything ${from}: what came after that is not known here.`;
}

/** What counts in memory do not show, and what to do about it. */
export const inMemory =
  'Counts are kept in the memory of one process: those of other processes, and of itself before it started, are not here, so nothing is safe to cut for all. Give the guards a store; memoryUsageStore() says that there is no other process.';
