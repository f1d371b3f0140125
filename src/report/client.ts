import { byText, type Clock, daysUntil, isoOf } from './clock.js';
import type { Tally } from './counts.js';
import { isLive } from './input.js';
import type { Member } from './members.js';
import type { ClientReport, KeyReport, Refused, Tallied } from './model.js';
import { safeToCut, type Watch } from './safe-to-cut.js';
import { statusOf, urgencyOf } from './status.js';

/** How many routes, and how many user agents, are told of one client. */
const mostPlaces = 50;

/** What a report tells of one client. */
export function clientReport(member: Member, watch: Watch, clock: Clock): ClientReport {
  const { client, owner, counts, place } = member;
  const { cohort, mode, standing, sunsetAt } = place;
  const { lastKey, token } = counts;
  return {
    client,
    ...(owner !== undefined && { owner }),
    ...(cohort !== undefined && { cohort }),
    mode,
    standing,
    ...(sunsetAt !== undefined && {
      sunsetAt: new Date(sunsetAt).toISOString(),
      daysToSunset: daysUntil(sunsetAt, clock),
    }),
    status: statusOf(counts, place, clock),
    safeToCut: safeToCut({ uses: counts.uses, beside: counts.beside?.last }, watch, clock),
    ...(lastKey !== undefined && { lastKeyUse: isoOf(lastKey) }),
    ...(token && { firstTokenUse: isoOf(token.first), lastTokenUse: isoOf(token.last) }),
    keyRequests: { ...counts.keyRequests },
    tokenRequests: { ...counts.tokenRequests },
    refusedRequests: { ...counts.refusedRequests },
    keys: keysOf(member),
    routes: latest(counts.routes, clock).map(([route, tally]) => ({ route, ...tallied(tally) })),
    agents: latest(counts.agents, clock).map(([agent, tally]) => ({ agent, ...tallied(tally) })),
    refusals: [...refusals(counts.refused, true), ...refusals(counts.claimed, false)].sort(
      (one, other) => byCount(one, other) || Number(other.verified) - Number(one.verified),
    ),
    wouldDeny: reasons(counts.wouldDeny).sort(byCount),
  };
}

const tallied = ({ count, first, last }: Tally): Tallied => ({
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
function latest(tallies: ReadonlyMap<string, Tally>, { today }: Clock): [string, Tally][] {
  return [...tallies]
    .filter(([, { last }]) => Math.floor(last / 1440) > today - 30)
    .sort(([name, one], [other, { last }]) => last - one.last || byText(name, other))
    .slice(0, mostPlaces);
}

const reasons = (tallies: ReadonlyMap<string, Tally>) =>
  [...tallies].map(([reason, tally]) => ({ reason, ...tallied(tally) }));

const refusals = (tallies: ReadonlyMap<string, Tally>, verified: boolean): Refused[] =>
  reasons(tallies).map((one) => ({ ...one, verified }));

interface Reason {
  readonly reason: string;
  readonly count: number;
}
const byCount = (one: Reason, other: Reason): number =>
  other.count - one.count || byText(one.reason, other.reason);

/** The most urgent first, then whoever uses keys most. */
export const byUrgency = (one: ClientReport, other: ClientReport): number =>
  urgencyOf(one.status) - urgencyOf(other.status) || byKeyUse(one, other);

/** Whoever uses keys most first. */
export const byKeyUse = (one: ClientReport, other: ClientReport): number =>
  other.keyRequests.month - one.keyRequests.month || byText(one.client, other.client);

/** Keys that are still good, and never came. */
export function silentKeys(all: readonly Member[], { now }: Clock) {
  const came = new Set(all.flatMap(({ counts }) => [...counts.keys.keys()]));
  return all
    .flatMap(({ client, keys }) =>
      keys
        .filter((key) => isLive(key, now) && !came.has(key.id))
        .map(({ id }) => ({ client, key: id })),
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
    .map(({ client }) => client)
    .sort(byText);
}
