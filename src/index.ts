export type { Algorithm } from './core/algorithms.js';
export type {
  ApiKeyOptions,
  ApiKeyRecord,
  FoundApiKey,
  KeyCacheOptions,
  KeyInvalidations,
  KeyLookup,
  UsageOptions,
} from './core/api-keys.js';
export type { Denial, ProblemDetails } from './core/challenge.js';
export type { Decision } from './core/decision.js';
export { type DeniedError, deniedError } from './core/denied-error.js';
export {
  AuthError,
  type AuthErrorCode,
  ConfigError,
  type ErrorCode,
  type Retirement,
  UpstreamError,
  type UpstreamErrorCode,
} from './core/errors.js';
export type { DecisionEvent } from './core/events.js';
export type { GuardRequest, KeyPlace } from './core/extract.js';
export type { FormatDenial } from './core/format-denial.js';
export { createGuard, type Guard } from './core/guard.js';
export type { IssuerOptions } from './core/issuers.js';
export type { KeysEvent } from './core/key-events.js';
export type { JsonWebKeySet, KeyOptions, KeyStore, StoredKeys } from './core/key-options.js';
export type { KeySource } from './core/key-sources.js';
export type { MigrationEvent } from './core/migration/changes.js';
export { checkPlan } from './core/migration/keeper.js';
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
} from './core/migration/plan.js';
export type { Standing } from './core/migration/stance.js';
export type { Counts } from './core/migration/tally.js';
export {
  dayOf,
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
} from './core/migration/usage.js';
export { advanceInstance, trackingSinceOf } from './core/migration/usage-coverage.js';
export { memoryUsage } from './core/migration/usage-memory.js';
export type { GuardOptions, SharedOptions, TokenCacheOptions } from './core/options.js';
export type { ClaimMap, ClaimPath, Principal } from './core/principal.js';
export { principalOf } from './core/principal-of.js';
export { checkRequirements, type Requirements } from './core/requirements.js';
export { asError } from './core/thrown.js';
