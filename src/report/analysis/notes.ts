import { minute } from '../../core/base/dates.js';
import type { Times } from './client.js';
import { daysIn, durationOf, knownDays, several } from './clock.js';
import type { Counts } from './count.js';
import { type Doubts, openDoubts } from './doubts.js';
import { type GuardTime, surplusDays, tolerance } from './guards.js';
import type { Inventory } from './input.js';
import type { LostGuard } from './model.js';
import type { Issuers } from './refs.js';
import { askFor, askForUnreadable, clockOf, few, inMemory, silenceOf } from './silence.js';
import { lengthOf } from './stretches.js';
import { quarter, type Watch } from './watch.js';

/** What a report has to say of itself. */
export interface Made {
  readonly inventory: Inventory;
  readonly counts: Counts;
  readonly guards: readonly GuardTime[];
  readonly issuers: Issuers;
  readonly excluded: number;
  readonly doubts: Doubts;
}

/** How the report can be wrong: each in a sentence. */
export const notesOf = (made: Made, times: Times, lost: readonly LostGuard[]): string[] => [
  ...tracking(made, times),
  ...losses(made, times.watch, lost),
  ...gaps(made, times.watch),
  ...oddities(made),
];

// Guards tell what they dropped, and rows what stores did too; either may have been forgotten.
export function droppedOf({ counts, guards }: Made): number {
  const { uncounted, lookups } = counts.nobody;
  const told = guards.reduce((sum, { dropped }) => sum + dropped, 0);
  return Math.max(told - lookups, uncounted);
}

/** Stores keep counts for so many days, unless they are told otherwise. */
const kept = 400;

function tracking({ counts, guards }: Made, { watch, clock: { now } }: Times): string[] {
  const { since, total, reporting } = watch;
  if (since === undefined) {
    return ['Nothing has been counted yet: no guard has flushed counts to this store.'];
  }
  const notes: string[] = [];
  const days = daysIn(now - since);
  const watched = daysIn(total);
  const began = `Tracking began ${several(days, 'day')} ago`;
  const tracked =
    watched < days ? `${began}, and ${several(watched, 'day')} of that were watched` : began;
  if (watched < knownDays) {
    notes.push(`${tracked}: a monthly job may not have run yet.`);
  } else if (watched < quarter) {
    notes.push(`${tracked}: a quarterly job may not have run yet.`);
  }
  const { oldest } = counts;
  const back = daysIn(now - (oldest ?? 0) * minute);
  if (oldest === undefined && watched >= knownDays) {
    notes.push(
      `${began}, and the store has no counts: if it deletes them so early (see \`keep\`), this report knows nothing.`,
    );
  } else if (oldest !== undefined && back < Math.min(days, kept) - knownDays) {
    notes.push(
      `${began}, and the oldest count is ${several(back, 'day')} old: if the store deletes counts so early, this report does not know rarer clients.`,
    );
  }
  if (watch.forgets !== undefined) {
    notes.push(tooShort(watch.forgets, guards));
  }
  if (reporting === 0) notes.push(silenceOf(watch));
  return notes;
}

/** What it means that a guard has run for longer than the store has counts. */
function tooShort(days: number, guards: readonly GuardTime[]): string {
  const keep = `configure it to retain counts for at least ${2 * quarter} days (see \`keep\`)`;
  if (!guards.some(({ lostFirst }) => lostFirst)) {
    return `The store deletes counts after ${several(days, 'day')}, which is too early to recognize a quarterly job: ${keep}.`;
  }
  return `A guard has run for longer than the store has counts (${several(days, 'day')}): the store was emptied or restored from a backup. This report may not know quarterly jobs. If the store deletes counts on purpose, ${keep}.`;
}

/** What was lost, of whom, and what to do about it. */
function losses({ guards }: Made, watch: Watch, lost: readonly LostGuard[]): string[] {
  const notes: string[] = [];
  const silent = lost.filter(({ gone }) => gone === undefined);
  const gone = lost.filter((one) => one.gone !== undefined);
  notes.push(...askForUnreadable(guards), ...askFor(silent));
  if (gone.length > 0) {
    const longest = gone.reduce((sum, { atMostSeconds }) => Math.max(sum, atMostSeconds), 0);
    notes.push(
      `${several(gone.length, 'guard')} ended without being closed (\`gone\`): the counts of up to ${several(longest, 'second')} before the end of each are missing.`,
    );
  }
  const short = guards.filter(({ missing }) => missing > 0);
  if (short.length > 0) {
    const batches = short.reduce((sum, { missing }) => sum + missing, 0);
    notes.push(
      `${several(batches, 'batch', 'batches')} of ${several(short.length, 'guard')} never reached the store, or the store lost them (emptied, or restored from a backup): that time was not watched.`,
    );
  }
  if (guards.some(({ lostFirst }) => lostFirst)) {
    notes.push(
      'If the store was emptied or restored from a backup, it may also have lost the records of other guards. Such a guard may still be running unnoticed, and accept keys that are not counted. Check that every process that runs a guard uses this store.',
    );
  }
  const days = new Set(guards.flatMap(({ lostDays }) => lostDays)).size;
  if (days > 0) {
    notes.push(
      `The store has lost counts of ${several(days, 'day')} that it had accepted (rows evicted, deleted, or restored from a backup): ${days === 1 ? 'that day was' : 'those days were'} not watched.`,
    );
  }
  notes.push(
    ...guards
      .filter(({ off }) => off !== 0)
      .slice(0, few)
      .map(clockOf),
  );
  const { unwatched, since } = watch;
  const length = lengthOf(unwatched);
  if (since !== undefined && length >= minute) {
    const [from, to] = unwatched.reduce((one, other) =>
      other[1] - other[0] > one[1] - one[0] ? other : one,
    );
    const stretch = `${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
    notes.push(
      `Not watched: ${several(unwatched.length, 'period')}, ${durationOf(length)} in total; the longest is ${stretch} (${durationOf(to - from)}). This does not count as time without a key.`,
    );
  }
  return notes;
}

function gaps(made: Made, watch: Watch): string[] {
  const { counts, inventory, doubts } = made;
  const dropped = droppedOf(made);
  const notes: string[] = [];
  if (dropped > 0) {
    notes.push(
      `${several(dropped, 'request')} could not be counted by client, because a limit was reached: a client that looks inactive may be active.`,
    );
  }
  const { all, excluded, temporary } = doubts;
  const open = openDoubts(all, knownDays, watch).filter(({ doubt }) => !doubt.isTold);
  notes.push(
    ...open.map(
      ({ doubt: { why } }) => `${why} For this reason, the report as a whole is not safe to cut.`,
    ),
  );
  const hidden = excluded.beside(inventory.exclude);
  if (hidden > 0) {
    notes.push(
      `Guards do not count ${several(hidden, 'client')} (\`exclude\`): this report does not know what they sent.`,
    );
  }
  if (temporary) notes.push(inMemory);
  if (counts.withoutClient.month > 0) {
    notes.push(
      `${several(counts.withoutClient.month, 'request')} of the last 30 days had no client id, so no client's numbers include them.`,
    );
  }
  if (inventory.cohort !== undefined) {
    notes.push(
      'Requests without a client id, and requests that were not counted by client, are in no cohort.',
    );
  }
  return notes;
}

function oddities({ counts, inventory, issuers }: Made): string[] {
  const notes: string[] = [];
  const { ahead } = counts;
  if (ahead > tolerance) {
    notes.push(
      `A clock is wrong: some counts are ${several(ahead, 'minute')} ahead of this report's clock, and are treated as new.`,
    );
  }
  if (counts.unknown > 0) {
    notes.push(
      `This version cannot interpret ${several(counts.unknown, 'row')}: a newer version counted ${counts.unknown === 1 ? 'it' : 'them'}.`,
    );
  }
  const surplus = surplusDays(inventory.usage, counts.held);
  if (surplus > 0) {
    notes.push(
      `The rows of ${several(surplus, 'day')} contain more requests than the guards have counted: counts are in the store twice, for example because a file was copied, or something else wrote them.`,
    );
  }
  if (issuers.several) {
    const bare = inventory.exclude.filter(
      ({ client, issuer }) =>
        issuer === undefined && counts.clients.issuersOf(client).some((one) => one !== ''),
    );
    if (bare.length > 0) {
      notes.push(
        `${several(bare.length, 'client')} of \`exclude\` must name an issuer, as { client, issuer }: there are clients of several issuers, and none of these was excluded.`,
      );
    }
  }
  return notes;
}
