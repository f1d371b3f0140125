import { listenForInvalidations } from './api-key/invalidations.js';
import type { ApiKeySettings } from './api-key/options.js';
import { AuthError, type AuthErrorCode, UpstreamError } from './base/errors.js';
import { enforced } from './enforcement.js';
import { createCredentialFinder } from './extract.js';
import { clientStateOf, evaluatePlan, type PlanEvaluation } from './plan/evaluate.js';
import { createClientStates, createMigrationEmitter } from './plan/events.js';
import {
  type MigrationHeaders,
  migrationHeadersOf,
  noHeaders,
  retirementOf,
} from './plan/headers.js';
import type { SharedMode } from './plan/plan.js';
import { createEnforcements, type Enforcements } from './plan/report-only.js';
import { openPlan } from './plan/source.js';
import { clientOf, type KnownKey, type Principal } from './principal.js';
import { createUsageRecorder, type UsageRecorder } from './usage/recorder.js';
import type { Usage } from './usage/usage.js';

/** Whether a principal may still use its credential, and what is announced to it. */
export interface Admission {
  /** `Deprecation`, `Sunset` and `Link` for the response. */
  readonly headers: MigrationHeaders;
  /** What the plan says to the owner of an API key. */
  readonly evaluation: PlanEvaluation | undefined;
  /** 401 or 410: the plan no longer accepts the key. */
  readonly refusal?: AuthError;
  /** The code with which a brownout in a dry run would have rejected the key. */
  readonly wouldDeny?: AuthErrorCode;
}

/** Of a token, and of a request before anything is known of it. */
export const notAdmitted: Admission = Object.freeze({ headers: noHeaders, evaluation: undefined });

const codes = {
  migrated: 'ERR_API_KEY_MIGRATED',
  sunset: 'ERR_API_KEY_RETIRED',
  brownout: 'ERR_API_KEY_BROWNOUT',
} as const;

/** What API keys add to the pipeline: the plan, the counters and the invalidations. */
export interface Migration {
  /** Returns how the checks of one request are enforced. */
  enforcementFor: Enforcements;
  /**
   * Evaluates the plan for the owner of an API key; tokens are always admitted. `atLeast` is the mode
   * that the route requires.
   * @throws UpstreamError while no plan has been loaded
   */
  admit(principal: Principal, atLeast?: SharedMode): Admission;
  /** Resolves once a plan is in force and the process listens to invalidations. */
  ready(): Promise<void>;
  close(): Promise<void>;
  /** Counts who used which credential. */
  count: UsageRecorder['count'];
  /** Returns who used which credential, as counted by all processes of one store. */
  usage(): Promise<Usage>;
  /** Removes a key from the cache, and publishes that it has changed. */
  invalidate(id: string): Promise<void>;
}

/** Without API keys there is no plan, and nobody's use is counted. */
const tokensOnly: Migration = {
  enforcementFor: () => enforced,
  admit: () => notAdmitted,
  ready: async () => {},
  close: async () => {},
  count() {},
  usage: async () => ({ trackingSince: undefined, rows: [], instances: [] }),
  invalidate: async () => {},
};

const namelessIssuer =
  'apiKeys.lookup returned a record without an issuer, and the plan has a rule for the client id in ' +
  'it: with several issuers an id alone could be anyone\'s. Set "issuer" in the record, or apiKeys.issuer';

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

/** Creates the plan, the counters and the invalidations of a guard. */
export function createMigration(
  settings: ApiKeySettings | undefined,
  surroundings: Surroundings,
): Migration {
  if (!settings) return tokensOnly;
  const { now, stopwatch, forget, issuers, isSigned, ownerOf } = surroundings;
  const emit = createMigrationEmitter(settings.onMigration);
  const states = createClientStates(emit, now);
  const plans = openPlan(settings.plan, { now, emit, states, issuers });
  const listening = listenForInvalidations(settings.invalidations, forget);
  const recorder = createUsageRecorder(settings.usage, {
    now,
    stopwatch,
    tell: emit,
    plan: plans.current,
    isSigned,
    ownerOf,
    credentialsIn: createCredentialFinder(settings.places),
    soleIssuer: issuers.length === 1 ? issuers[0] : undefined,
  });

  return {
    enforcementFor: createEnforcements(plans.current),
    admit(principal, atLeast) {
      const id = clientOf(principal);
      if (principal.kind === 'token' || id === undefined) return notAdmitted;
      const plan = plans.current();
      if (!plan) throw new UpstreamError('ERR_PLAN_UNAVAILABLE', 'no plan has been loaded yet');
      const client = { id, issuer: issuers.length > 1 ? principal.issuer : undefined };
      if (issuers.length > 1 && principal.issuer === undefined && plan.clients.has(id)) {
        throw new TypeError(namelessIssuer);
      }
      const time = now();
      const evaluation = evaluatePlan(plan, client, { now: time, strictest: atLeast });
      states.note(client, clientStateOf(plan, client, time));
      if (evaluation.refusal) {
        const retirement = retirementOf(plan, evaluation, time);
        const refusal = new AuthError(codes[evaluation.refusal], { retirement });
        return { headers: noHeaders, evaluation, refusal };
      }
      const headers = migrationHeadersOf(plan, evaluation, time);
      if (!evaluation.wouldRefuse) return { headers, evaluation };
      return { headers, evaluation, wouldDeny: codes.brownout };
    },
    async ready() {
      await Promise.all([plans.ready(), listening.ready()]);
    },
    async close() {
      plans.close();
      await Promise.all([listening.close(), recorder.close()]);
    },
    count: recorder.count,
    usage: recorder.read,
    async invalidate(id) {
      forget(id);
      await listening.publish(id);
    },
  };
}
