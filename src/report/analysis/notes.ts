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
    return ['Nothing has been counted yet: no guard has told anything to this store.'];
  }
  const notes: string[] = [];
  const days = daysIn(now - since);
  const watched = daysIn(total);
  const began = `Tracking began ${several(days, 'day')} ago`;
  const tracked =
    watched < days ? `${began}, and ${several(watched, 'day')} of that were watched` : began;
  if (watched < knownDays) {
    notes.push(`${tracked}: what comes once a month may not have come yet.`);
  } else if (watched < quarter) {
    notes.push(`${tracked}: what comes once in three months may not have come yet.`);
  }
  const { oldest } = counts;
  const back = daysIn(now - (oldest ?? 0) * minute);
  if (oldest === undefined && watched >= knownDays) {
    notes.push(
      `${began}, and the store holds no count at all: if it forgets so early (see \`keep\`), nothing here is known.`,
    );
  } else if (oldest !== undefined && back < Math.min(days, kept) - knownDays) {
    notes.push(
      `${began}, and the oldest count is of ${several(back, 'day')} ago: if the store forgets so early, what is rarer is not known here.`,
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
  const keep = `let it keep its counts for ${2 * quarter} days at least (see \`keep\`)`;
  if (!guards.some(({ lostFirst }) => lostFirst)) {
    return `The store forgets after ${several(days, 'day')}, which is too early to show what comes once in three months: ${keep}.`;
  }
  return `A guard has run for longer than the store has counts (${several(days, 'day')}): the store was emptied or restored from a backup. What comes once in three months may not be known here. If it forgets on purpose, ${keep}.`;
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
      `${several(gone.length, 'guard')} ended without being closed, as somebody has said: of each, the last ${several(longest, 'second')} at most are missing.`,
    );
  }
  const short = guards.filter(({ missing }) => missing > 0);
  if (short.length > 0) {
    const batches = short.reduce((sum, { missing }) => sum + missing, 0);
    notes.push(
      `${several(batches, 'batch', 'batches')} of ${several(short.length, 'guard')} never reached the store, or the store has lost them (emptied, or restored from a backup): that time was not watched.`,
    );
  }
  if (guards.some(({ lostFirst }) => lostFirst)) {
    notes.push(
      'If the store was emptied or restored from a backup, it has also forgotten guards that it knew before: such a guard may run unseen, and let keys in that nobody counts. Check that every process that runs a guard reports to this store.',
    );
  }
  const days = new Set(guards.flatMap(({ lostDays }) => lostDays)).size;
  if (days > 0) {
    notes.push(
      `The store has lost counts that it had taken, of ${several(days, 'day')} (rows evicted, deleted, or restored from a backup): not stored, so ${days === 1 ? 'that day was' : 'those days were'} not watched.`,
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
      `Not watched: ${several(unwatched.length, 'stretch', 'stretches')}, ${durationOf(length)} in all, the longest from ${stretch} (${durationOf(to - from)}). It does not count as time without a key.`,
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
      `There was no room to count ${several(dropped, 'request')} by client: a client that looks inactive may not be.`,
    );
  }
  const { all, excluded, temporary } = doubts;
  const open = openDoubts(all, knownDays, watch).filter(({ doubt }) => !doubt.isTold);
  notes.push(...open.map(({ doubt: { why } }) => `${why} Nothing is safe to cut for all.`));
  const hidden = excluded.beside(inventory.exclude);
  if (hidden > 0) {
    notes.push(
      `Guards do not count ${several(hidden, 'client')} (\`exclude\`): what those sent is not known here.`,
    );
  }
  if (temporary) notes.push(inMemory);
  if (counts.withoutClient.month > 0) {
    notes.push(
      `${several(counts.withoutClient.month, 'request')} of the last 30 days named no client: they are in no client's numbers.`,
    );
  }
  if (inventory.cohort !== undefined) {
    notes.push('Requests that name no client, or were not counted by client, are in no cohort.');
  }
  return notes;
}

function oddities({ counts, inventory, issuers }: Made): string[] {
  const notes: string[] = [];
  const { ahead } = counts;
  if (ahead > tolerance) {
    notes.push(
      `A clock is off: some counts are ${several(ahead, 'minute')} ahead of this report's, and are taken for now.`,
    );
  }
  if (counts.unknown > 0) {
    notes.push(
      `${several(counts.unknown, 'row')} of a kind that is not known here: a newer version counted them.`,
    );
  }
  const surplus = surplusDays(inventory.usage, counts.held);
  if (surplus > 0) {
    notes.push(
      `The rows of ${several(surplus, 'day')} hold more requests than the guards say that they have counted: counts are in the store twice, as after a file was copied, or something else wrote them.`,
    );
  }
  if (issuers.several) {
    const bare = inventory.exclude.filter(
      ({ client, issuer }) =>
        issuer === undefined && counts.clients.issuersOf(client).some((one) => one !== ''),
    );
    if (bare.length > 0) {
      notes.push(
        `${several(bare.length, 'client')} of \`exclude\` must name an issuer, as { client, issuer }: there are clients of several, and none of them was left out.`,
      );
    }
  }
  return notes;
}
