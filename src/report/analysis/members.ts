import {
  type ClientState,
  clientStateOf,
  evaluatePlan,
  type PlanEvaluation,
} from '../../core/plan/evaluate.js';
import type { Plan } from '../../core/plan/plan.js';
import type { Clock } from './clock.js';
import type { Counts } from './count.js';
import { type Claims, type ClientCounts, later, noClaims, noCounts } from './counts.js';
import { type Inventory, type ListedKey, type NamedClient, ownerOf } from './input.js';
import { ClientMap, type ClientRef, type Issuers, refOf } from './refs.js';

/** A client with all that is known of it. */
export interface Member extends ClientRef {
  /** What lists call it. */
  readonly ref: string;
  readonly owner: string | undefined;
  readonly place: Place;
  readonly counts: ClientCounts;
  readonly claims: Claims;
  /** Those that were handed in. */
  readonly keys: readonly ListedKey[];
}

/** What the plan says of a client, routes and brownouts apart. */
export interface Place extends Pick<PlanEvaluation, 'mode' | 'cohort' | 'sunsetAt'> {
  readonly standing: ClientState;
}

/** Who is in a report. */
export interface Membership {
  /** Undefined of a client that is left out, as the team's own or of another cohort. */
  placeOf(client: ClientRef): Place | undefined;
  /** How many of the team's own were asked for. */
  excluded(): number;
}

export function membershipOf(
  { plan, exclude, cohort }: Inventory,
  issuers: Issuers,
  { now }: Pick<Clock, 'now'>,
): Membership {
  // Every client would look through every brownout, and none is asked for.
  const calm = { ...plan, brownouts: [] };
  const places = new ClientMap<{ readonly place: Place | undefined }>();
  const own = new ClientMap<boolean>();
  for (const { client, issuer = issuers.unnamed } of exclude) own.set({ client, issuer }, true);
  let excluded = 0;
  const find = (ref: ClientRef): Place | undefined => {
    if (own.get(ref)) {
      excluded += 1;
      return undefined;
    }
    const stance = evaluatePlan(calm, namedInPlan(ref), { now });
    if (cohort !== undefined && stance.cohort !== cohort) return undefined;
    const { mode, sunsetAt } = stance;
    return {
      mode,
      cohort: stance.cohort,
      sunsetAt,
      standing: clientStateOf(calm, namedInPlan(ref), now),
    };
  };
  return {
    placeOf(ref) {
      const known = places.get(ref);
      if (known) return known.place;
      const place = find(ref);
      places.set(ref, { place });
      return place;
    },
    excluded: () => excluded,
  };
}

/** The clients that a plan names. */
export const plannedClients = (plan: Plan): NamedClient[] =>
  [...plan.clients].flatMap(([client, rules]) =>
    rules.map(({ issuer }) => ({ client, ...(issuer !== undefined && { issuer }) })),
  );

/** The same client, as a plan names it. */
export const namedInPlan = ({ client, issuer }: ClientRef) => ({
  id: client,
  issuer: issuer === '' ? undefined : issuer,
});

/** Clients that were seen, that the plan names, and that are known otherwise; each once. */
export function membersOf(
  { plan, clients: listed, keys }: Inventory,
  { clients, claims }: Counts,
  { membership, issuers }: { readonly membership: Membership; readonly issuers: Issuers },
): Member[] {
  const records = new ClientMap<ListedKey[]>();
  for (const key of keys?.values() ?? []) {
    const ref = { client: ownerOf(key), issuer: key.issuer ?? issuers.unnamed };
    const others = records.get(ref);
    if (others) others.push(key);
    else records.set(ref, [key]);
  }
  const members = new ClientMap<{ owner?: string | undefined }>();
  for (const [ref] of clients.entries()) members.set(ref, {});
  for (const [ref] of records.entries()) members.set(ref, {});
  const add = ({ client, issuer, owner }: NamedClient & { readonly owner?: string }) => {
    for (const one of issuer === undefined ? whose(client) : [issuer]) {
      const ref = { client, issuer: one };
      members.set(ref, { owner: owner ?? members.get(ref)?.owner });
    }
  };
  // Without its issuer a name is that of each client that has it: to list it is to hide nothing.
  const whose = (client: string): string[] => {
    const found = issuers.several ? members.issuersOf(client) : [];
    return found.length > 0 ? found : [issuers.unnamed];
  };
  for (const one of [...plannedClients(plan), ...listed]) add(one);
  return [...members.entries()].flatMap(([ref, { owner }]) => {
    const place = membership.placeOf(ref);
    if (!place) return [];
    const counts = withBareKeys(ref, clients, issuers);
    const name = refOf(issuers.several ? ref : { client: ref.client });
    const own = { counts, claims: claimsOf(ref, claims), keys: records.get(ref) ?? [] };
    return [{ ...ref, ref: name, owner, place, ...own }];
  });
}

/**
 * What was counted of a client, and the keys that came under its id without an issuer: they may be its
 * own, from before, or from a guard of which nobody said whose clients its keys are. Tokens are not.
 */
function withBareKeys(
  ref: ClientRef,
  clients: ClientMap<ClientCounts>,
  { several }: Issuers,
): ClientCounts {
  const own = clients.get(ref) ?? noCounts();
  const bare = several && ref.issuer !== '' ? clients.get({ ...ref, issuer: '' }) : undefined;
  if (!bare || bare.lastKey === undefined) return own;
  const { lastKey, beside, undated, uses, weeks } = bare;
  return {
    ...own,
    uses: [...own.uses, ...uses],
    lastKey: later(own.lastKey, lastKey),
    beside: beside && (own.beside?.last ?? -1) < beside.last ? beside : own.beside,
    undated: spanOf(own.undated, undated),
    weeks: own.weeks | weeks,
  };
}

function spanOf(
  one: ClientCounts['undated'],
  other: ClientCounts['undated'],
): ClientCounts['undated'] {
  if (!one || !other) return one ?? other;
  return {
    count: one.count + other.count,
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
  };
}

/** What refused tokens say of a client. Those that were not examined may name none of the issuers. */
function claimsOf(ref: ClientRef, claims: ClientMap<Claims>): Claims {
  const own = claims.get(ref) ?? noClaims();
  const last = claims.get({ ...ref, issuer: '' })?.lastUnexamined;
  return last === undefined ? own : { ...own, lastUnexamined: later(own.lastUnexamined, last) };
}
