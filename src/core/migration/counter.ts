import type { Decision } from '../decision.js';
import { UpstreamError } from '../errors.js';
import { type Attempt, claimedClient, routeOf, withoutCredential } from '../events.js';
import { clientOf, type KnownKey, knownKey } from '../principal.js';
import { type Count, type Holder, mark, newHolder, takeRows } from './cells.js';
import { minute as minuteLength } from './dates.js';
import type { Plan } from './plan.js';
import { type Fresh, sourceOf } from './tally.js';
import type { UsageRow } from './usage.js';

/** Counts who uses which credential. */
export interface Counter {
  /** Counts one attempt; a second look at the same request is not counted again. */
  add(attempt: Attempt, decision: Decision, fresh: Fresh): void;
  /** Hands over what was counted since the last time, and begins anew. */
  take(): UsageRow[];
  /** Requests so far that there was no room to count by client. */
  dropped(): number;
}

interface CounterOptions {
  /** Clients' tokens, and keys, that are counted apart. */
  readonly max: number;
  /** Clients that are not counted. */
  readonly exclude: ReadonlySet<string>;
  readonly now: () => number;
  readonly plan: () => Plan | undefined;
}

/** Counts in memory: for a request that is let in a look-up, two additions and a time. */
export function createCounter({ max, exclude, now, plan }: CounterOptions): Counter {
  const clients = new Map<string, Map<string, Holder>>();
  const nobody = newHolder('', '');
  const used = new WeakSet<object>();
  let held = 0;
  let dropped = 0;

  /** Where a request of this client is counted: with nobody, if there is no more room. */
  function holderOf(client: string, key: string): Holder {
    const keys = clients.get(client);
    const known = keys?.get(key);
    if (known) return known;
    if (held >= max) return nobody;
    held += 1;
    const holder = newHolder(client, key);
    if (keys) keys.set(key, holder);
    else clients.set(client, new Map([[key, holder]]));
    return holder;
  }

  /** Whose a request is; undefined if that is not known, or not counted. */
  function whose(attempt: Attempt): Holder | undefined {
    const { principal, seen } = attempt;
    if (principal) {
      const client = clientOf(principal) ?? '';
      return exclude.has(client) ? undefined : holderOf(client, principal.key?.id ?? '');
    }
    if (seen.key) {
      return exclude.has(seen.key.client) ? undefined : holderOf(seen.key.client, seen.key.id);
    }
    // Anybody can write any client into a token: one that is known is all that is counted of it.
    const claimed = claimedClient(seen);
    if (claimed === undefined || exclude.has(claimed)) return undefined;
    const isKnown = clients.has(claimed) || plan()?.clients.has(claimed);
    return isKnown ? holderOf(claimed, '') : undefined;
  }

  function count(holder: Holder, { what, detail = '', minute }: Count): void {
    if (holder !== nobody) dropped += mark(holder, { what, detail, minute });
    else if (what === 'key' || what === 'token' || what === 'refused') {
      dropped += 1;
      mark(nobody, { what: 'other', detail: what, minute });
    }
  }

  /** What a key came with: where it should be looked for. */
  function countPlaces(attempt: Attempt, key: KnownKey, minute: number): void {
    const { request, credential } = attempt;
    const holder = holderOf(key.client, key.id);
    const written = request.header('user-agent');
    if (holder.agent.written !== written) {
      holder.agent = { written, counted: withoutCredential(written, credential) ?? '' };
    }
    count(holder, { what: 'route', detail: routeOf(attempt) ?? '', minute });
    count(holder, { what: 'agent', detail: holder.agent.counted, minute });
    if (credential?.kind !== 'token' && credential?.place === 'query') {
      count(holder, { what: 'query', minute });
    }
    if (credential?.kind === 'both') count(holder, { what: 'both', minute });
  }

  return {
    add(attempt, decision, fresh) {
      const holder = whose(attempt);
      if (!holder) return;
      const { principal, seen } = attempt;
      const minute = Math.floor(now() / minuteLength);
      const source = sourceOf(attempt);
      const isNew = !used.has(source);
      const isUse = decision.allowed && principal !== undefined && isNew;
      const key = principal?.key ? knownKey(principal.key) : seen.key;
      const isVerified = principal !== undefined || key !== undefined;
      if (isUse) {
        used.add(source);
        count(holder, { what: principal.kind === 'token' ? 'token' : 'key', minute });
      }
      if (!decision.allowed && fresh.refused) {
        const { error } = decision;
        const start = attempt.stance?.brownout;
        if (isVerified) count(holder, { what: 'refused', detail: error.code, minute });
        if (error.code === 'ERR_API_KEY_BROWNOUT' && start !== undefined) {
          count(holder, { what: 'brownout', detail: new Date(start).toISOString(), minute });
        }
        if (!isVerified && !(error instanceof UpstreamError)) {
          count(holder, { what: 'claimed', detail: error.code, minute });
        }
      }
      if (key && isNew && (isUse || fresh.refused)) countPlaces(attempt, key, minute);
      if (!isVerified) return;
      for (const detail of fresh.notes) count(holder, { what: 'would-deny', detail, minute });
    },
    take() {
      const holders = [nobody, ...[...clients.values()].flatMap((keys) => [...keys.values()])];
      const rows = holders.flatMap(takeRows);
      // Who came is remembered while there is room, so that a failing client is known by its name.
      if (held > max / 2) {
        clients.clear();
        held = 0;
      }
      return rows;
    },
    dropped: () => dropped,
  };
}
