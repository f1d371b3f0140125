import { listenForInvalidations } from './api-key/invalidations.js';
import type { ApiKeySettings } from './api-key/options.js';
import { AuthError, UpstreamError } from './base/errors.js';
import type { Decision } from './decision.js';
import type { Attempt } from './events.js';
import { createCredentialFinder } from './extract.js';
import { clientStateOf, evaluatePlan } from './plan/evaluate.js';
import { createClientStates, createMigrationEmitter } from './plan/events.js';
import {
  type MigrationHeaders,
  migrationHeadersOf,
  noHeaders,
  retirementOf,
} from './plan/headers.js';
import type { Plan, SharedMode } from './plan/plan.js';
import { openPlan } from './plan/source.js';
import { clientOf, type KnownKey, type Principal } from './principal.js';
import { createUsageRecorder } from './usage/recorder.js';
import type { FirstCounts } from './usage/refusals.js';
import type { Usage } from './usage/usage.js';

/**
 * Answers what is announced to a principal that may use its credential. A token always may.
 * @throws AuthError 401 or 410 for a key that the plan no longer accepts; UpstreamError while no
 * plan could be loaded
 */
export type Admit = (
  principal: Principal,
  attempt: Attempt,
  atLeast?: SharedMode,
) => MigrationHeaders;

const codes = {
  migrated: 'ERR_API_KEY_MIGRATED',
  sunset: 'ERR_API_KEY_RETIRED',
  brownout: 'ERR_API_KEY_BROWNOUT',
} as const;

/** The old door, and the plan that closes it. */
export interface Migration {
  admit: Admit;
  /** The plan in force; undefined if there is none, or none yet. */
  plan(): Plan | undefined;
  /** Settles once a plan is in force and invalidations are listened to. */
  ready(): Promise<void>;
  close(): Promise<void>;
  /** Counts who used which credential. */
  count(attempt: Attempt, decision: Decision, fresh: FirstCounts): void;
  /** Counts who came with a request that ended in an exception. */
  countError(attempt: Attempt): void;
  /** Who used which credential, as all processes have counted it. */
  usage(): Promise<Usage>;
  /** Tells other processes of a key. */
  invalidate(id: string): Promise<void>;
}

const namelessIssuer =
  'apiKeys.lookup returned a record without an issuer, and the plan has a rule for the client id in ' +
  'it: with several issuers an id alone could be anyone\'s. Set "issuer" in the record, or apiKeys.issuer';

const tokensOnly = { usage: false } as const;

interface Surroundings {
  readonly now: () => number;
  readonly stopwatch: () => number;
  /** The guard's. */
  readonly issuers: readonly string[];
  /** Without an id: every key. */
  forget(id?: string): void;
  /** Returns whether an issuer has signed a token that was refused, by keys that are held. */
  isSigned(token: string): Promise<boolean>;
  /** Returns whose a key is; undefined for nobody's. */
  ownerOf(key: string): Promise<KnownKey | undefined>;
}

/** May this client still use a key now? It is asked once its credential is verified. */
export function createMigration(
  settings: Partial<ApiKeySettings> & Pick<ApiKeySettings, 'usage'> = tokensOnly,
  surroundings: Surroundings,
): Migration {
  const { now, stopwatch, forget, issuers, isSigned, ownerOf } = surroundings;
  const { plan: given, invalidations, onMigration } = settings;
  const tell = createMigrationEmitter(onMigration);
  const ledger = createClientStates(tell, now);
  const plans = openPlan(given, { now, emit: tell, states: ledger, issuers });
  const listening = listenForInvalidations(invalidations, forget);
  const attribution = createUsageRecorder(settings.usage, {
    now,
    stopwatch,
    tell,
    plan: plans.current,
    ...{ isSigned, ownerOf },
    credentialsIn: createCredentialFinder(settings.places),
    soleIssuer: issuers.length === 1 ? issuers[0] : undefined,
  });

  return {
    admit(principal, attempt, atLeast) {
      const id = clientOf(principal);
      if (principal.kind === 'token' || id === undefined) return noHeaders;
      const plan = plans.current();
      if (!plan) throw new UpstreamError('ERR_PLAN_UNAVAILABLE', 'no plan has been loaded yet');
      const client = { id, issuer: issuers.length > 1 ? principal.issuer : undefined };
      if (issuers.length > 1 && principal.issuer === undefined && plan.clients.has(id)) {
        throw new TypeError(namelessIssuer);
      }
      const time = now();
      const stance = evaluatePlan(plan, client, { now: time, strictest: atLeast });
      attempt.evaluation = stance;
      ledger.note(client, clientStateOf(plan, client, time));
      if (stance.refusal) {
        const retirement = retirementOf(plan, stance, time);
        throw new AuthError(codes[stance.refusal], { retirement });
      }
      if (stance.wouldRefuse) attempt.notes.push(codes.brownout);
      return migrationHeadersOf(plan, stance, time);
    },
    plan: plans.current,
    async ready() {
      await Promise.all([plans.ready(), listening.ready()]);
    },
    async close() {
      plans.close();
      await Promise.all([listening.close(), attribution.close()]);
    },
    count: attribution.count,
    countError: attribution.countError,
    usage: attribution.read,
    invalidate: listening.publish,
  };
}
