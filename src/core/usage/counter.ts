import { AuthError, type AuthErrorCode } from '../base/errors.js';
import { own } from '../base/json.js';
import { sourceOf } from '../extract.js';
import { claimedClient, clientOf, type KnownKey, type Principal } from '../principal.js';
import { type CountedAttempt, codeOf, kindOf, type Outcome } from './attempt.js';
import type { UsageClock } from './clock.js';
import { createCollection } from './collection.js';
import { isRequest, requestsIn } from './coverage.js';
import { createHolders, type Owner } from './holders.js';
import { type Look, type Looks, letIn, lookAt, refuse, wasLetIn } from './looks.js';
import type { Exclusions } from './options.js';
import type { RefusedKeys } from './refused-keys.js';
import type { RefusedTokens } from './refused-tokens.js';
import { addToBuffer, type Count, createRowBuffer, type RowBuffer } from './row-buffer.js';
import { type Traces, tracesOf } from './traces.js';
import type { UsageRow } from './usage.js';

/** How an attempt ended, for the counts. */
export interface Ending {
  readonly decision: Outcome;
  /** What would have refused it, and was not seen before of the same request. */
  readonly notes: readonly AuthErrorCode[];
}

/** Counts who uses which credential. */
export interface Counter {
  /** Counts one attempt; a credential that was counted of the same request is not counted again. */
  add(attempt: CountedAttempt, ending: Ending): void;
  /** Hands over what was counted since the last time, and begins anew. */
  take(): UsageRow[];
  /** Whether there is something to hand over. */
  hasRows(): boolean;
  /** Requests so far of which it is not counted whose they are. */
  dropped(): number;
  /** Counts requests as dropped that were handed over and cannot be stored. */
  drop(rows: readonly UsageRow[]): void;
  /**
   * Moves what was counted, and what was handed over and comes back, by the milliseconds by which the
   * clock was behind. What stays told under a wrong date is said to be uncounted.
   */
  correct(by: number, told: { readonly back: readonly UsageRow[]; readonly wrong: number }): void;
}

interface CounterOptions {
  /** Clients' tokens, and keys, that are counted apart. */
  readonly max: number;
  readonly exclude: Exclusions;
  readonly clock: Pick<UsageClock, 'minute' | 'latest'>;
  readonly tokens: RefusedTokens;
  readonly keys: RefusedKeys;
  readonly looks: Looks;
  /** The only issuer there is; undefined if there are several. */
  readonly soleIssuer: string | undefined;
}

interface Refused {
  readonly minute: number;
  readonly decision: Outcome;
}

/** Where is counted. An owner alone is one for whom there is no room. */
type Holder = RowBuffer | Owner;

const hasRoom = (holder: Holder): holder is RowBuffer => 'used' in holder;

/** When, and of a refusal: what is taken back if the request is let in after all. */
interface When {
  readonly minute: number;
  readonly look: Look | undefined;
}

/** Counts in memory: for a request that is let in a look-up, two additions and a time. */
export function createCounter(options: CounterOptions): Counter {
  const { max, exclude, clock, tokens, keys, looks, soleIssuer = '' } = options;
  const holders = createHolders({ max, met: tokens.know });
  // A principal that is cached is the same object each time: found again without comparing its names.
  let byPrincipal = new WeakMap<Principal, RowBuffer>();
  const nobody = createRowBuffer('', '', '');
  let dropped = 0;
  const collection = createCollection({ nobody, holders, tokens, minute: clock.minute });

  /** Undefined for a client that is not counted. */
  function holderOf(owner: Owner): Holder | undefined {
    if (exclude.has(owner.client, owner.issuer)) return undefined;
    return holders.of(owner) ?? owner;
  }

  function holderOfPrincipal(principal: Principal): Holder | undefined {
    const known = byPrincipal.get(principal);
    if (known) return known;
    const { issuer = soleIssuer, key } = principal;
    const holder = holderOf({ client: clientOf(principal) ?? '', issuer, key: key?.id ?? '' });
    if (holder && hasRoom(holder)) byPrincipal.set(principal, holder);
    return holder;
  }

  const holderOfKey = ({ client, issuer = soleIssuer, id }: KnownKey): Holder | undefined =>
    holderOf({ client, issuer, key: id });

  function count(holder: Holder, { what, detail = '', minute }: Count, look?: Look): void {
    if (!hasRoom(holder)) {
      if (isRequest(what)) dropForNobody(what, minute);
      return;
    }
    dropped += addToBuffer(holder, { what, detail, minute });
    look?.counted.push({ holder, what, detail, minute });
  }

  /** Nobody knows whose that was, and so nobody may be taken for one who did not come. */
  function dropForNobody(detail: string, minute = clock.minute()): void {
    dropped += 1;
    if (minute !== undefined) addToBuffer(nobody, { what: 'other', detail, minute });
  }

  function countTraces(holder: Holder, traces: Traces, { minute, look }: When): void {
    count(holder, { what: 'route', detail: traces.route, minute }, look);
    count(holder, { what: 'agent', detail: traces.agent, minute }, look);
    if (traces.place === 'query') count(holder, { what: 'query', minute }, look);
    if (traces.isBesideToken) count(holder, { what: 'both', minute }, look);
  }

  /** Nobody knows whose key came; a request is one doubt, however many guards look at it. */
  function doubt(look: Look, minute = clock.minute()): void {
    if (look.isDoubtful) return;
    look.isDoubtful = true;
    dropForNobody('lookup', minute);
  }

  /** Where the key that came is counted: the one of the request, or the one beside its token. */
  function keyIn({ principal, unverified: seen }: CountedAttempt, holder: Holder) {
    return principal?.kind === 'token' ? seen.key && holderOfKey(seen.key) : holder;
  }

  function countKey(attempt: CountedAttempt, key: Holder, when: When): void {
    countTraces(key, tracesOf(attempt, hasRoom(key) ? key : undefined), when);
  }

  function countUse(attempt: CountedAttempt, holder: Holder, minute: number): void {
    const source = sourceOf(attempt.request);
    const key = keyIn(attempt, holder);
    const isNew = letIn(looks, source, holder);
    if (isNew)
      count(holder, { what: attempt.principal?.kind === 'token' ? 'token' : 'key', minute });
    const isKeyNew = key === holder ? isNew : key && letIn(looks, source, key);
    if (key && isKeyNew) countKey(attempt, key, { minute, look: undefined });
  }

  function countRefused(
    attempt: CountedAttempt,
    holder: Holder,
    { minute, decision }: Refused,
  ): void {
    const { evaluation } = attempt.admission;
    const look = lookAt(looks, sourceOf(attempt.request));
    const key = keyIn(attempt, holder);
    const code = codeOf(decision);
    const isNew = refuse(look, holder);
    if (isNew) count(holder, { what: 'refused', detail: code, minute }, look);
    if (isNew && code === 'ERR_API_KEY_BROWNOUT' && evaluation?.brownout !== undefined) {
      const detail = new Date(evaluation.brownout).toISOString();
      count(holder, { what: 'brownout', detail, minute }, look);
    }
    const isKeyNew = key === holder ? isNew : key && refuse(look, key);
    if (key && isKeyNew && !wasLetIn(look, key)) countKey(attempt, key, { minute, look });
  }

  function countUnknown(attempt: CountedAttempt, decision: Outcome): void {
    const { credential } = attempt;
    const look = lookAt(looks, sourceOf(attempt.request));
    const isTold = decision?.allowed === false && decision.error instanceof AuthError;
    if (isTold) countUnproven(attempt, look, decision.error.code as AuthErrorCode);
    if (credential?.kind === 'token') return;
    if (credential?.kind !== 'api-key') countKeys(attempt, look, codeOf(decision));
    else if (!isTold) doubt(look);
  }

  /** Keys beside a token, or several: it was refused before it was asked whose they are. */
  function countKeys(attempt: CountedAttempt, look: Look, code: string): void {
    const at = clock.minute() === undefined ? undefined : clock.latest();
    // What waits keeps nothing of the request, which may have a large body.
    keys.find(attempt, at, ({ owner, minute, ...traces }) => {
      if (owner === 'not known') return doubt(look, minute);
      const holder = holderOfKey(owner);
      // Another guard may have counted it meanwhile.
      if (!holder || wasLetIn(look, holder) || !refuse(look, holder)) return;
      if (minute === undefined) return dropForNobody('lookup');
      count(holder, { what: 'refused', detail: code, minute }, look);
      countTraces(holder, traces, { minute, look });
    });
  }

  /** A token that nobody has proven: of clients that are known, and what it says of itself may be so. */
  function countUnproven(
    { credential, unverified: seen }: CountedAttempt,
    look: Look,
    code: AuthErrorCode,
  ): void {
    const client = claimedClient(seen);
    const minute = clock.minute();
    if (client === undefined || minute === undefined) return;
    if (credential?.kind !== 'token' && credential?.kind !== 'both') return;
    const issuer = String(own(seen.claims, 'iss'));
    if (!refuse(look, { client, issuer, key: '' })) return;
    if (seen.paths === undefined) {
      // An id means nothing outside of its issuer, and this one is not trusted.
      addToBuffer(nobody, { what: 'claimed', detail: code, minute });
      return;
    }
    if (exclude.has(client, issuer)) return;
    const exp = own(seen.claims, 'exp');
    tokens.add({ text: credential.text, client, issuer, exp, code, minute });
  }

  return {
    add(attempt, { decision, notes }) {
      const { principal, unverified: seen } = attempt;
      const kind = kindOf(attempt, decision);
      if (kind === 'unknown') return countUnknown(attempt, decision);
      // Also of a request that was counted before: its client is known from here on.
      const holder = principal ? holderOfPrincipal(principal) : seen.key && holderOfKey(seen.key);
      if (!holder || (kind === 'neither' && notes.length === 0)) return;
      const minute = clock.minute();
      if (minute === undefined) {
        if (kind !== 'neither') dropped += 1;
        return;
      }
      if (kind === 'use') countUse(attempt, holder, minute);
      else if (kind === 'refused') countRefused(attempt, holder, { minute, decision });
      for (const detail of notes) count(holder, { what: 'would-deny', detail, minute });
    },
    take() {
      const rows = collection.take();
      if (holders.size() > max / 2) {
        holders.clear();
        byPrincipal = new WeakMap();
      }
      return rows;
    },
    hasRows: collection.hasRows,
    dropped: () => dropped,
    drop(rows) {
      dropped += requestsIn(rows);
    },
    correct(by, told) {
      keys.correct(by);
      dropped += collection.correct(by, told);
    },
  };
}
