import { byText, type Clock, daysUntil, isoOf } from './clock.js';
import type { ClientTally } from './counts.js';
import { type Doubts, doubtsAbout, openDoubts } from './doubts.js';
import { isLive } from './input.js';
import type { Member } from './members.js';
import type { ClientReport, KeyReport, Tallied } from './model.js';
import { byRef } from './refs.js';
import { safeToCut } from './safe-to-cut.js';
import { lockedOut, statusOf, urgencyOf } from './status.js';
import type { Watch } from './watch.js';

/** How many keys, routes, user agents and reasons are listed of one client. */
const most = 50;

/** What the report of a client depends on, beside the client. */
export interface Times {
  readonly watch: Watch;
  readonly clock: Clock;
}

/** What a report tells of one client. */
export function clientReport(
  member: Member,
  { watch, clock, doubts }: Times & { readonly doubts: Doubts },
): ClientReport {
  const { client, issuer, ref, owner, counts, claims, place } = member;
  const { cohort, mode, standing, sunsetAt } = place;
  const { lastKey, token } = counts;
  const { uses, undated } = counts;
  const own = doubtsAbout(member, doubts);
  const cut = safeToCut({ uses, undated, lockedOut: lockedOut(counts), doubts: own }, watch, clock);
  const isDoubted = openDoubts(own, cut.quietDays, watch).length > 0;
  const lists = cutLists({
    keys: keysOf(member),
    routes: latest(counts.routes, clock).map(([route, tally]) => ({ route, ...tallied(tally) })),
    agents: latest(counts.agents, clock).map(([agent, tally]) => ({ agent, ...tallied(tally) })),
    refusals: reasons(counts.refused).sort(byCount),
    unverified: reasons(claims.unverified).sort(byCount),
    wouldDeny: reasons(counts.wouldDeny).sort(byCount),
  });
  return {
    client,
    ...((issuer !== '' || ref !== client) && { issuer }),
    ...(ref !== client && { ref }),
    ...(owner !== undefined && { owner }),
    ...(cohort !== undefined && { cohort }),
    mode,
    standing,
    ...(sunsetAt !== undefined && {
      sunsetAt: new Date(sunsetAt).toISOString(),
      daysToSunset: daysUntil(sunsetAt, clock),
    }),
    status: statusOf(counts, place, { watch, clock, isDoubted }),
    safeToCut: cut,
    ...(lastKey !== undefined && { lastKeyUse: isoOf(lastKey) }),
    ...(token && { firstTokenUse: isoOf(token.first), lastTokenUse: isoOf(token.last) }),
    keyRequests: { ...counts.keyRequests },
    tokenRequests: { ...counts.tokenRequests },
    refusedRequests: { ...counts.refusedRequests },
    ...lists,
  };
}

type Lists = Pick<
  ClientReport,
  'keys' | 'routes' | 'agents' | 'refusals' | 'unverified' | 'wouldDeny'
>;

function cutLists(lists: Lists): Lists & Pick<ClientReport, 'leftOut'> {
  const { keys, routes, agents, refusals, unverified, wouldDeny } = lists;
  const leftOut = cutOff(lists, most);
  return {
    keys: keys.slice(0, most),
    routes: routes.slice(0, most),
    agents: agents.slice(0, most),
    refusals: refusals.slice(0, most),
    unverified: unverified.slice(0, most),
    wouldDeny: wouldDeny.slice(0, most),
    ...(leftOut && { leftOut }),
  };
}

/** How many each list has beyond so many; undefined if none has. */
export function cutOff(
  lists: Readonly<Record<string, readonly unknown[] | undefined>>,
  most: number,
): Readonly<Record<string, number>> | undefined {
  const over = Object.entries(lists)
    .map(([name, list = []]) => [name, list.length - most] as const)
    .filter(([, more]) => more > 0);
  return over.length > 0 ? Object.fromEntries(over) : undefined;
}

const tallied = ({ count, first, last }: ClientTally): Tallied => ({
  count,
  first: isoOf(first),
  last: isoOf(last),
});

function keysOf({ counts, keys }: Member): KeyReport[] {
  const found = new Map(keys.map((key) => [key.id, key]));
  return [...new Set([...counts.keys.keys(), ...found.keys()])]
    .map((id) => {
      const use = counts.keys.get(id);
      const createdBy = found.get(id)?.createdBy;
      return {
        id,
        ...(use && { lastUse: isoOf(use.last) }),
        month: use?.month ?? 0,
        ...(createdBy !== undefined && { createdBy }),
      };
    })
    .sort(
      (one, other) =>
        other.month - one.month ||
        byText(other.lastUse ?? '', one.lastUse ?? '') ||
        byText(one.id, other.id),
    );
}

// Of the last 30 days, by the day of the last.
function latest(
  tallies: ReadonlyMap<string, ClientTally>,
  { today }: Clock,
): [string, ClientTally][] {
  return [...tallies]
    .filter(([, { last }]) => Math.floor(last / 1440) > today - 30)
    .sort(([name, one], [other, { last }]) => last - one.last || byText(name, other));
}

const reasons = (tallies: ReadonlyMap<string, ClientTally>) =>
  [...tallies].map(([reason, tally]) => ({ reason, ...tallied(tally) }));

interface Reason {
  readonly reason: string;
  readonly count: number;
}
const byCount = (one: Reason, other: Reason): number =>
  other.count - one.count || byText(one.reason, other.reason);

/** A client of the report, with what is known of it. */
export interface Entry {
  readonly member: Member;
  readonly report: ClientReport;
}

/** The most urgent first, then who is not safe to cut, then whoever uses keys most. */
export const byUrgency = (one: Entry, other: Entry): number =>
  urgencyOf(one.report.status) - urgencyOf(other.report.status) ||
  Number(one.report.safeToCut.safe) - Number(other.report.safeToCut.safe) ||
  byKeyUse(one, other);

/** So many of them in the same order: of those that are not safe to cut as many as there is room for. */
export function firstUnsafe(all: readonly ClientReport[], most: number): readonly ClientReport[] {
  if (all.length <= most) return all;
  const unsafe = all.filter(({ safeToCut: { safe } }) => !safe).length;
  let room = { unsafe: Math.min(most, unsafe), safe: Math.max(0, most - unsafe) };
  return all.filter(({ safeToCut: { safe } }) => {
    const kind = safe ? 'safe' : 'unsafe';
    room = { ...room, [kind]: room[kind] - 1 };
    return room[kind] >= 0;
  });
}

/** Whoever uses keys most first. */
export const byKeyUse = (one: Entry, other: Entry): number =>
  other.report.keyRequests.month - one.report.keyRequests.month || byRef(one.member, other.member);

/** Keys that are still valid, and never came. */
export function silentKeys(all: readonly Member[], { now }: Clock) {
  const came = new Set(all.flatMap(({ counts }) => [...counts.keys.keys()]));
  return all
    .flatMap(({ ref, keys }) =>
      keys
        .filter((key) => isLive(key, now) && !came.has(key.id))
        .map(({ id }) => ({ client: ref, key: id })),
    )
    .sort((one, other) => byText(one.client, other.client) || byText(one.key, other.key));
}

/** Keys that belong to no client: they count as a client of their own, named by their id. */
export function orphanKeys(all: readonly Member[]): string[] {
  return all
    .filter(({ client, counts, keys }) => {
      const record = keys.find(({ id }) => id === client);
      return record ? record.clientId === undefined : counts.keys.has(client);
    })
    .map(({ ref }) => ref)
    .sort(byText);
}

/** What lists call those that fit, in the order of the report. */
export const refsOf = (
  entries: readonly Entry[],
  fits: (member: Member, report: ClientReport) => boolean,
): string[] =>
  entries.filter(({ member, report }) => fits(member, report)).map(({ member }) => member.ref);

/** Extensions that have not run out, the first to end first. */
export function extensionsOf(
  members: readonly Member[],
  { now }: Clock,
): { client: string; until: string }[] {
  return members
    .flatMap(({ ref, place: { mode, sunsetAt = 0 } }) =>
      mode === 'extension' && sunsetAt > now
        ? [{ client: ref, until: new Date(sunsetAt).toISOString() }]
        : [],
    )
    .sort((one, other) => byText(one.until, other.until) || byText(one.client, other.client));
}
