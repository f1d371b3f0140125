import { day, minute } from '../../core/base/dates.js';
import { type Clock, isoOf, recentDays, several } from './clock.js';
import type { Counts } from './count.js';
import { type ExcludedByGuards, excludedByGuards } from './excluded.js';
import type { GuardTime } from './guards.js';
import type { Member } from './members.js';
import type { StoredUsage } from './usage-check.js';
import { type Watch, watchedAfter } from './watch.js';

/** Until when a key may have come that no count of its client shows. */
export interface Doubt {
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Watched days after which it is over. @default those that the client has to be quiet */
  readonly days?: number;
  /** It does not end by waiting. */
  readonly lasts?: true;
  /** A sentence of its own says what to do about it. */
  readonly isTold?: true;
  /** In a sentence. */
  readonly why: string;
}

/** What may have come and was not counted. */
export interface Doubts {
  /** About every client. */
  readonly all: readonly Doubt[];
  /** Clients that a guard does not count. */
  readonly excluded: ExcludedByGuards;
  /** There are guards whose counts are in their own memory alone. */
  readonly temporary: boolean;
}

export function doubtsOf(
  usage: StoredUsage,
  { counts, guards }: { readonly counts: Counts; readonly guards: readonly GuardTime[] },
  clock: Clock,
): Doubts {
  return {
    all: [
      ...uncounted(counts, guards, clock),
      ...notLookedUp(counts),
      ...notExamined(counts),
      ...notRead(usage, guards, clock),
      ...nothing(usage, counts, clock),
    ],
    excluded: excludedByGuards(usage, guards, clock),
    temporary: usage.instances.some(({ temporary }) => temporary),
  };
}

function uncounted(counts: Counts, guards: readonly GuardTime[], clock: Clock): Doubt[] {
  const { lastUncounted } = counts.nobody;
  const times = [
    ...(lastUncounted === undefined ? [] : [lastUncounted * minute]),
    ...droppedUntil(counts, guards, clock),
  ];
  if (times.length === 0) return [];
  const until = Math.max(...times);
  const why = `Until ${isoOf(Math.floor(until / minute))}, some requests, perhaps with API keys, were not counted for any client.`;
  return [{ until, why }];
}

// Of what has no row, nobody knows when it was: at the latest when its guard told of it first, or where
// that is not known, when it told last. Rows are forgotten; that there was one is not.
function droppedUntil({ nobody }: Counts, guards: readonly GuardTime[], { now }: Clock): number[] {
  const short = guards.filter(({ dropped, droppedByDay = 0 }) => dropped > droppedByDay);
  const [exact, old] = [short.filter(isExact), short.filter((one) => !isExact(one))];
  const byDay = guards.reduce((sum, { droppedByDay = 0 }) => sum + droppedByDay, 0);
  // An older version does not say which rows are its own.
  const others = Math.max(0, nobody.uncounted + nobody.lookups - byDay);
  const all = old.reduce((sum, { dropped }) => sum + dropped, 0);
  return [...exact, ...(all > others ? old : [])].map(({ droppedUntil, lastTold = now }) =>
    Math.min(now, droppedUntil ?? lastTold),
  );
}

const isExact = (one: GuardTime): boolean =>
  one.droppedByDay !== undefined || one.droppedUntil !== undefined;

const mostNamed = 3;

function notLookedUp({ nobody: { lastLookup, lookupDays } }: Counts): Doubt[] {
  if (lastLookup === undefined) return [];
  const days = [...lookupDays].sort().reverse();
  const more = days.length - mostNamed;
  const named = days.slice(0, mostNamed).join(', ');
  const on = more > 0 ? `${named} and ${several(more, 'earlier day')}` : named;
  const why = `On ${on}, until ${isoOf(lastLookup)}, some API keys could not be looked up (the lookup failed, timed out or had no capacity), so it is not known which clients sent them. Check the key store and the \`timeout\` of the lookup.`;
  return [{ until: lastLookup * minute, why }];
}

function notExamined({ nobody: { lastUnexamined } }: Counts): Doubt[] {
  if (lastUnexamined === undefined) return [];
  const why = `Until ${isoOf(lastUnexamined)}, there were too many rejected tokens to examine all of them (an attack or an overload). Tokens of any client may be among them.`;
  return [{ until: lastUnexamined * minute, days: recentDays, why }];
}

function notRead(usage: StoredUsage, guards: readonly GuardTime[], { now }: Clock): Doubt[] {
  const { skipped = 0 } = usage;
  const unreadable = guards.filter(({ state }) => state === 'unreadable').length;
  const doubts: Doubt[] = [];
  if (unreadable > 0) {
    const why = `The counts of ${several(unreadable, 'guard')} cannot be read: see dataQuality.unreadable.`;
    doubts.push({ until: now, lasts: true, isTold: true, why });
  }
  if (skipped > 0) {
    const why = `The store has ${several(skipped, 'entry', 'entries')} that cannot be read. If they are damaged counts, restore them; if something else wrote them, move them out of the store.`;
    doubts.push({ until: now, lasts: true, why });
  }
  return doubts;
}

function nothing({ trackingSince }: StoredUsage, { oldest }: Counts, { now }: Clock): Doubt[] {
  if (oldest !== undefined) return [];
  const why =
    'The store has no counts of any client: check that the guards that serve your traffic use this store.';
  return [{ until: now, lasts: true, why, ...(trackingSince === undefined && { isTold: true }) }];
}

/** Tells whether no key can have come uncounted in so many watched days. */
export const isCertain = ({ all, temporary }: Doubts, days: number, watch: Watch): boolean =>
  !temporary && openDoubts(all, days, watch).length === 0;

/** The doubts that are not over, each with the watched milliseconds until it is. */
export const openDoubts = (doubts: readonly Doubt[], quietDays: number, watch: Watch) =>
  doubts
    .map((doubt) => ({
      doubt,
      left: (doubt.days ?? quietDays) * day - watchedAfter(watch, doubt.until),
    }))
    .filter(({ left }) => left > 0);

/** What is not known of one client. */
export function doubtsAbout(
  member: Pick<Member, 'client' | 'issuer' | 'claims'>,
  { all, excluded }: Doubts,
): Doubt[] {
  const doubts = [...all];
  const { lastUnexamined } = member.claims;
  const until = excluded.untilOf(member);
  if (until !== undefined) {
    const why =
      'A guard does not count this client (`exclude`), so it is not known what it sent there: exclude it from this report too, or let all guards count it.';
    doubts.push({ until, why, lasts: true });
  }
  if (lastUnexamined !== undefined) {
    const why = `Until ${isoOf(lastUnexamined)}, too many rejected tokens named this client to examine all of them (an attack or an overload). Its own may be among them.`;
    doubts.push({ until: lastUnexamined * minute, days: recentDays, why });
  }
  return doubts;
}
