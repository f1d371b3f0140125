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
        `Guard ${one.instance} has not flushed its counts since ${one.lastTold}, and was not closed: what it has counted since then, up to ${several(one.atMostSeconds, 'second')}, is missing for every client. If it is running, find out why its store does not accept its counts. If it has ended, say when, with \`gone\` or ${goneOption(one)} (that time or a later one).`,
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
        `The counts of ${name} cannot be read (a damaged file or record, or a link), so what that guard counted is missing for every client. Restore them from a backup. If that is not possible, say when the guard ended, with \`gone\` or --gone ${name}@<time>; if no guard wrote them, use { instance, ours: false } or --gone ${name}@not-ours.`,
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
  const ended =
    state === 'silent' ? ` If it has ended, say when, with --gone ${instance}@<time>.` : '';
  return `The clock of guard ${instance} is ${durationOf(Math.abs(off))} ${way}: it is not known when it received a key, so none of the time for which it ran is watched. Correct its clock and restart it.${ended}`;
}

export function silenceOf({ until, watched }: Watch): string {
  const from = watched.length === 0 ? 'yet' : `since ${new Date(until).toISOString()}`;
  return `No guard has flushed its counts ${from}: this report does not know later requests.`;
}

/** What counts in memory do not show, and what to do about it. */
export const inMemory =
  'Counts are stored in the memory of one process: those of other processes, and of earlier runs, are missing, so the report as a whole is not safe to cut. Give the guards a store, or memoryUsageStore() if there is only one process.';
