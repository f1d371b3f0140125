export type {
  ApiKeyCacheOptions,
  ApiKeyInvalidations,
  ApiKeyLookup,
  ApiKeyOptions,
  FoundApiKey,
} from './core/api-key/options.js';
export type { ApiKeySource } from './core/api-key/places.js';
export {
  AuthError,
  type AuthErrorCode,
  ConfigError,
  type ErrorCode,
  type Retirement,
  UpstreamError,
  type UpstreamErrorCode,
} from './core/base/errors.js';
export { asError } from './core/base/thrown.js';
export type { Denial, ProblemDetails } from './core/challenge.js';
export type { Decision } from './core/decision.js';
export { type DeniedError, deniedError } from './core/denied-error.js';
export type { DecisionEvent } from './core/events.js';
export type { GuardRequest, KeyPlace } from './core/extract.js';
export type { FormatDenial } from './core/format-denial.js';
export { createGuard, type Guard } from './core/guard.js';
export type { GuardOptions, SharedOptions } from './core/options.js';
export type { ClientState } from './core/plan/evaluate.js';
export type { MigrationEvent } from './core/plan/events.js';
export type {
  Brownout,
  Check,
  Checks,
  Daily,
  MigrationPlan,
  Mode,
  PlanClient,
  PlanCohort,
  PlanSource,
  Rule,
  SharedMode,
  Weekday,
} from './core/plan/plan.js';
export { checkPlan } from './core/plan/source.js';
export type { ApiKeyRecord, ClaimMap, ClaimPath, Principal } from './core/principal.js';
export { principalOf } from './core/principal-of.js';
export type { Counts } from './core/refusal-counts.js';
export { checkRequirements, type Requirements } from './core/requirements.js';
export type { Algorithm } from './core/token/algorithms.js';
export type { TokenCacheOptions } from './core/token/cache-options.js';
export type { IssuerOptions } from './core/token/issuer-options.js';
export type { JwksEvent } from './core/token/jwks-events.js';
export type {
  JsonWebKeySet,
  JwksOptions,
  JwksStore,
  StoredJwks,
} from './core/token/jwks-options.js';
export { advanceInstance, trackingSinceOf } from './core/usage/coverage.js';
export { memoryUsageStore } from './core/usage/memory.js';
export type { UsageOptions } from './core/usage/options.js';
export {
  dayOf,
  type ExcludedClient,
  mergeRows,
  nameOf,
  type Usage,
  type UsageBatch,
  type UsageClient,
  type UsageInstance,
  type UsageKind,
  type UsageRow,
  type UsageStore,
  usageKinds,
} from './core/usage/usage.js';
