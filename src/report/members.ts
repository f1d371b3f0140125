import { type Stance, type Standing, stanceOf, standingOf } from '../core/migration/stance.js';
import type { Clock } from './clock.js';
import type { Counts } from './count.js';
import { type ClientCounts, noCounts } from './counts.js';
import { type Inventory, type ListedKey, ownerOf } from './input.js';

/** A client with all that is known of it. */
export interface Member {
  readonly client: string;
  readonly owner: string | undefined;
  readonly place: Place;
  readonly counts: ClientCounts;
  /** Those that were handed in. */
  readonly keys: readonly ListedKey[];
}

/** What the plan says of a client, routes and brownouts apart. */
export interface Place extends Pick<Stance, 'mode' | 'cohort' | 'sunsetAt'> {
  readonly standing: Standing;
}

/** Who is in a report. */
export interface Membership {
  /** Undefined of a client that is left out, as the team's own or of another cohort. */
  placeOf(client: string): Place | undefined;
  /** Those of the team's own that were asked for. */
  readonly excluded: ReadonlySet<string>;
}

export function membershipOf(
  { plan, exclude, cohort }: Inventory,
  { now }: Pick<Clock, 'now'>,
): Membership {
  // Every client would look through every brownout, and none is asked for.
  const calm = { ...plan, brownouts: [] };
  const places = new Map<string, Place | undefined>();
  const excluded = new Set<string>();
  const find = (client: string): Place | undefined => {
    if (exclude.has(client)) excluded.add(client);
    const stance = stanceOf(calm, { id: client, issuer: undefined }, { now });
    if (exclude.has(client) || (cohort !== undefined && stance.cohort !== cohort)) return undefined;
    const { mode, sunsetAt } = stance;
    return {
      mode,
      cohort: stance.cohort,
      sunsetAt,
      standing: standingOf(calm, { id: client, issuer: undefined }, now),
    };
  };
  return {
    placeOf(client) {
      if (!places.has(client)) places.set(client, find(client));
      return places.get(client);
    },
    excluded,
  };
}

/** Clients that were seen, that the plan names, and that are known otherwise; each once. */
export function membersOf(
  { plan, owners, keys }: Inventory,
  { clients }: Counts,
  { placeOf }: Membership,
): Member[] {
  const records = new Map<string, ListedKey[]>();
  for (const key of keys?.values() ?? []) {
    const owner = ownerOf(key);
    const others = records.get(owner);
    if (others) others.push(key);
    else records.set(owner, [key]);
  }
  const seen = [...clients].filter(([, counts]) => counts.seen).map(([client]) => client);
  const names = new Set([...seen, ...plan.clients.keys(), ...owners.keys(), ...records.keys()]);
  return [...names].flatMap((client) => {
    const place = placeOf(client);
    if (!place) return [];
    const counts = clients.get(client) ?? noCounts();
    return [{ client, owner: owners.get(client), place, counts, keys: records.get(client) ?? [] }];
  });
}
