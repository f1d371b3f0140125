import { day, minute } from '../core/migration/dates.js';
import type { UsageInstance } from '../core/migration/usage.js';
import {
  byText,
  type Clock,
  daysIn,
  isoOf,
  knownDays,
  recentDays,
  several,
  within,
} from './clock.js';
import type { Counts } from './count.js';
import type { Inventory } from './input.js';
import type { DataQuality } from './model.js';
import type { Watch } from './safe-to-cut.js';

/** The guards by what has become of them. */
export interface Guards {
  readonly reporting: number;
  /** Milliseconds since 1970. */
  readonly lastTold: number | undefined;
  readonly lost: readonly UsageInstance[];
  readonly dropped: number;
  /** Milliseconds by which the newest word is ahead of the report's clock. */
  readonly ahead: number;
}

/** Three intervals may pass without a word, and 90 seconds however short they are. */
const patience = ({ every }: UsageInstance): number => Math.max(90, 3 * every) * 1000;

export function guardsOf(instances: readonly UsageInstance[], { now }: Clock): Guards {
  const told = instances.reduce((last, { at }) => Math.max(last, at), -1);
  const isSilent = (one: UsageInstance) => now - one.at > patience(one);
  return {
    reporting: instances.filter((one) => (one.closed ? now - one.at < day : !isSilent(one))).length,
    lastTold: told < 0 ? undefined : Math.min(told, now),
    lost: instances
      .filter((one) => !one.closed && isSilent(one) && now - one.at <= 30 * day)
      .sort((one, other) => other.at - one.at || byText(one.instance, other.instance)),
    dropped: instances.reduce((sum, { dropped }) => sum + dropped, 0),
    ahead: Math.max(0, told - now),
  };
}

/** For which time there are counts. While no guard tells, silence is no news of any client. */
export function watchOf(
  trackingSince: number | undefined,
  { reporting, lastTold }: Guards,
  { now }: Clock,
): Watch {
  if (trackingSince === undefined) return { since: undefined, until: now };
  const since = Math.min(trackingSince, now);
  return { since, until: reporting > 0 ? now : Math.max(since, lastTold ?? since) };
}

/** What a report has to say of itself. */
export interface Made {
  readonly inventory: Inventory;
  readonly counts: Counts;
  readonly guards: Guards;
  readonly excluded: number;
}

export function qualityOf(made: Made, { since }: Watch, clock: Clock): DataQuality {
  const { counts, guards, excluded } = made;
  return {
    ...(since !== undefined && { trackingSince: new Date(since).toISOString() }),
    daysTracked: since === undefined ? 0 : daysIn(clock.now - since),
    reporting: guards.reporting,
    ...(guards.lastTold !== undefined && { lastTold: new Date(guards.lastTold).toISOString() }),
    lost: guards.lost.map(({ instance, at, every }) => ({
      instance,
      lastTold: new Date(at).toISOString(),
      atMostSeconds: every,
    })),
    dropped: droppedOf(made),
    withoutClient: counts.withoutClient.month,
    excluded,
    notes: [...tracking(since, made, clock), ...gaps(made, clock), ...oddities(made)],
  };
}

// Guards tell what they dropped, and rows what stores did too; either may have been forgotten.
const droppedOf = ({ counts, guards }: Made): number => Math.max(guards.dropped, counts.uncounted);

/** What runs every three months shows itself in so many days. */
const quarter = 93;

/** Stores keep counts for so many days, unless they are told otherwise. */
const kept = 400;

function tracking(since: number | undefined, { counts, guards }: Made, { now }: Clock): string[] {
  if (since === undefined) {
    return ['Nothing has been counted yet: no guard has told anything to this store.'];
  }
  const notes: string[] = [];
  const days = daysIn(now - since);
  const tracked = `Tracking began ${several(days, 'day')} ago`;
  if (days < knownDays) {
    notes.push(`${tracked}: what comes once a month may not have come yet.`);
  } else if (days < quarter) {
    notes.push(`${tracked}: what comes once in three months may not have come yet.`);
  }
  const { oldest = Math.floor(since / minute) } = counts;
  const back = daysIn(now - oldest * minute);
  if (back < Math.min(days, kept) - knownDays) {
    notes.push(
      `${tracked}, and the oldest count is of ${several(back, 'day')} ago: if the store forgets so early, what is rarer is not known here.`,
    );
  }
  if (guards.reporting === 0) {
    const { lastTold } = guards;
    const from = lastTold === undefined ? 'at all' : `since ${new Date(lastTold).toISOString()}`;
    notes.push(`No guard has told anything ${from}: what came after that is not known here.`);
  }
  return notes;
}

function gaps(made: Made, clock: Clock): string[] {
  const { counts, guards, inventory } = made;
  const { lost } = guards;
  const dropped = droppedOf(made);
  const notes: string[] = [];
  if (lost.length > 0) {
    const most = lost.reduce((longest, { every }) => Math.max(longest, every), 0);
    notes.push(
      `${several(lost.length, 'guard')} ended without a word in the last 30 days: of each, the last ${several(most, 'second')} at most are missing.`,
    );
  }
  if (dropped > 0) {
    notes.push(
      `There was no room to count ${several(dropped, 'request')} by client: a client that looks quiet may not be.`,
    );
  }
  const { lastUncounted } = counts;
  if (lastUncounted !== undefined && within(lastUncounted, recentDays, clock)) {
    notes.push(
      `Until ${isoOf(lastUncounted)} there were requests, perhaps with keys, whose client was not counted: nothing is safe to cut for all.`,
    );
  }
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

/** Minutes by which clocks may differ without a word about it. */
const tolerance = 5;

function oddities({ counts, guards }: Made): string[] {
  const notes: string[] = [];
  const ahead = Math.max(counts.ahead, Math.floor(guards.ahead / minute));
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
  return notes;
}
