import { copyOf } from '../base/copy.js';
import { type AuthErrorCode, type ErrorCode, UpstreamError } from '../base/errors.js';
import { own } from '../base/json.js';
import { withoutCredential } from '../base/without-credential.js';
import type { Decision } from '../decision.js';
import { type Attempt, routeOf } from '../events.js';
import { claimedClient, clientOf, type KnownKey, knownKey, type Principal } from '../principal.js';
import type { UsageClock } from './clock.js';
import { requestsIn } from './coverage.js';
import { misdated, redateRows } from './redate.js';
import { uncountedRow } from './refusal-rooms.js';
import { type FirstCounts, sourceOf } from './refusals.js';
import type { RefusedTokens } from './refused-tokens.js';
import {
  addToBuffer,
  type Count,
  createRowBuffer,
  type RowBuffer,
  takeRows,
} from './row-buffer.js';
import { mergeRows, type UsageRow } from './usage.js';

/** Counts who uses which credential. */
export interface Counter {
  /** Counts one attempt; a second look at the same request is not counted again. */
  add(attempt: Attempt, decision: Decision, fresh: FirstCounts): void;
  /** Hands over what was counted since the last time, and begins anew. */
  take(): UsageRow[];
  /** Whether there is something to hand over. */
  hasRows(): boolean;
  /** Requests so far that there was no room to count by client. */
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
  /** Clients that are not counted. */
  readonly exclude: ReadonlySet<string>;
  readonly clock: Pick<UsageClock, 'minute'>;
  readonly refusals: RefusedTokens;
  /** The only issuer there is; undefined if there are several. */
  readonly soleIssuer: string | undefined;
}

/** What an attempt is for the counts: `unverified` is a token that was refused before it was proven. */
type Outcome = 'use' | 'refused' | 'unverified' | 'neither';

interface Refusal {
  readonly code: ErrorCode;
  /** When the brownout began. */
  readonly brownout: number | undefined;
}

/** Longer user agents are looked at again each time, and not kept to compare with. */
const longestAgent = 512;

/** Counts in memory: for a request that is let in a look-up, two additions and a time. */
export function createCounter(options: CounterOptions): Counter {
  const { max, exclude, clock, refusals, soleIssuer = '' } = options;
  /** By issuer, client and key. */
  const issuers = new Map<string, Map<string, Map<string, RowBuffer>>>();
  let buffers = new WeakMap<Principal, RowBuffer>();
  const overflow = createRowBuffer('', '', '');
  const used = new WeakSet<object>();
  let held = 0;
  let dropped = 0;
  /** What was collected before it is handed over, as when the clock was set right. */
  let early = new Map<string, UsageRow>();

  /** Where a request of this client is counted: with nobody, if there is no more room. */
  function holderOf(issuer: string, client: string, key: string): RowBuffer {
    const known = issuers.get(issuer)?.get(client)?.get(key);
    if (known) return known;
    refusals.know({ client, issuer });
    if (held >= max) return overflow;
    held += 1;
    const holder = createRowBuffer(issuer, client, key);
    const clients = issuers.get(issuer) ?? new Map<string, Map<string, RowBuffer>>();
    const keys = clients.get(holder.client) ?? new Map<string, RowBuffer>();
    issuers.set(holder.issuer, clients.set(holder.client, keys.set(holder.key, holder)));
    return holder;
  }

  /** Whose a request is for certain; undefined if that is not known, or not counted. */
  function bufferOf(
    principal: Principal | undefined,
    key: KnownKey | undefined,
  ): RowBuffer | undefined {
    if (principal) return buffers.get(principal) ?? holderFor(principal);
    if (!key || exclude.has(key.client)) return undefined;
    return holderOf(issuerOf(key), key.client, key.id);
  }

  // A principal that is cached is the same object each time: found again without comparing its names.
  function holderFor(principal: Principal): RowBuffer | undefined {
    const client = clientOf(principal) ?? '';
    if (exclude.has(client)) return undefined;
    const holder = holderOf(principal.issuer ?? soleIssuer, client, principal.key?.id ?? '');
    if (holder !== overflow) buffers.set(principal, holder);
    return holder;
  }

  const issuerOf = ({ issuer }: KnownKey & { readonly issuer?: string }): string =>
    issuer ?? soleIssuer;

  function count(holder: RowBuffer, { what, detail = '', minute }: Count): void {
    if (holder !== overflow) dropped += addToBuffer(holder, { what, detail, minute });
    else if (what === 'key' || what === 'token' || what === 'refused') {
      dropped += 1;
      addToBuffer(overflow, { what: 'other', detail: what, minute });
    }
  }

  /** What a key came with: where it should be looked for. */
  function countPlaces(attempt: Attempt, holder: RowBuffer, minute: number): void {
    const { credential } = attempt;
    const agent = agentOf(attempt, holder);
    count(holder, { what: 'route', detail: routeOf(attempt) ?? '', minute });
    count(holder, { what: 'agent', detail: agent, minute });
    if (credential?.kind !== 'token' && credential?.place === 'query') {
      count(holder, { what: 'query', minute });
    }
    if (credential?.kind === 'both') count(holder, { what: 'both', minute });
  }

  function countRefusal(holder: RowBuffer, minute: number, { code, brownout }: Refusal): void {
    count(holder, { what: 'refused', detail: code, minute });
    if (code === 'ERR_API_KEY_BROWNOUT' && brownout !== undefined) {
      count(holder, { what: 'brownout', detail: new Date(brownout).toISOString(), minute });
    }
  }

  /** A token that nobody has proven: of clients that are known, and what it says of itself may be so. */
  function countUnproven({ credential, unverified: seen }: Attempt, code: AuthErrorCode): void {
    const client = claimedClient(seen);
    const minute = clock.minute();
    if (client === undefined || minute === undefined || exclude.has(client)) return;
    if (credential?.kind !== 'token' && credential?.kind !== 'both') return;
    const iss = seen.paths === undefined ? '' : own(seen.claims, 'iss');
    const issuer = typeof iss === 'string' ? iss : '';
    const exp = own(seen.claims, 'exp');
    refusals.add({ text: credential.text, client, issuer, exp, code, minute });
  }

  function collect(): Map<string, UsageRow> {
    const all = [overflow];
    for (const clients of issuers.values()) {
      for (const keys of clients.values()) for (const holder of keys.values()) all.push(holder);
    }
    const rows = early;
    early = new Map();
    for (const holder of all) mergeRows(rows, takeRows(holder));
    mergeRows(rows, refusals.take());
    return rows;
  }

  return {
    add(attempt, decision, fresh) {
      const { principal, unverified: seen, evaluation: stance } = attempt;
      const source = sourceOf(attempt);
      const isNew = !used.has(source);
      const outcome = outcomeOf(attempt, decision, { use: isNew, refusal: fresh.refused });
      if (outcome === 'unverified' && !decision.allowed) {
        countUnproven(attempt, decision.error.code as AuthErrorCode);
        return;
      }
      const key = principal?.key ? knownKey(principal.key) : seen.key;
      // Also of a request that was counted before: its client is known from here on.
      const holder = bufferOf(principal, key);
      if (!holder || (outcome === 'neither' && fresh.notes.length === 0)) return;
      const minute = clock.minute();
      if (minute === undefined) {
        if (outcome !== 'neither') dropped += 1;
        return;
      }
      if (outcome === 'use') {
        used.add(source);
        count(holder, { what: principal?.kind === 'token' ? 'token' : 'key', minute });
      } else if (!decision.allowed && outcome === 'refused') {
        countRefusal(holder, minute, {
          code: decision.error.code,
          brownout: stance?.brownout,
        });
      }
      if (key && isNew && outcome !== 'neither') {
        const beside = principal?.kind === 'token' ? bufferOf(undefined, key) : holder;
        if (beside) countPlaces(attempt, beside, minute);
      }
      for (const detail of fresh.notes) count(holder, { what: 'would-deny', detail, minute });
    },
    take() {
      const rows = collect();
      if (held > max / 2) {
        issuers.clear();
        buffers = new WeakMap();
        held = 0;
      }
      return [...rows.values()];
    },
    hasRows() {
      early = collect();
      return early.size > 0;
    },
    dropped: () => dropped,
    drop(rows) {
      dropped += requestsIn(rows);
    },
    correct(by, { back, wrong }) {
      early = redateRows([...collect().values(), ...back], by);
      refusals.correct(by);
      const minute = clock.minute();
      if (wrong === 0 || minute === undefined) return;
      dropped += wrong;
      mergeRows(early, [uncountedRow(misdated, wrong, minute)]);
    },
  };
}

function outcomeOf(
  { principal, unverified: seen }: Attempt,
  decision: Decision,
  isNew: { readonly use: boolean; readonly refusal: boolean },
): Outcome {
  if (decision.allowed) return principal && isNew.use ? 'use' : 'neither';
  if (!isNew.refusal) return 'neither';
  if (principal || seen.key) return 'refused';
  return decision.error instanceof UpstreamError ? 'neither' : 'unverified';
}

/** The user agent as it is counted. Most come again and again. */
function agentOf({ request, credential }: Attempt, holder: RowBuffer): string {
  const written = request.header('user-agent');
  if (holder.agent.written === written) return holder.agent.counted;
  const counted = copyOf(withoutCredential(written, credential) ?? '');
  if (written === undefined || written.length <= longestAgent) {
    holder.agent = { written: written && copyOf(written), counted };
  }
  return counted;
}
