export type { Algorithm } from './core/algorithms.js';
export type { Denial, ProblemDetails } from './core/challenge.js';
export type { Decision } from './core/decision.js';
export {
  AuthError,
  type AuthErrorCode,
  ConfigError,
  type ErrorCode,
  UpstreamError,
  type UpstreamErrorCode,
} from './core/errors.js';
export type { DecisionEvent } from './core/events.js';
export type { GuardRequest } from './core/extract.js';
export { createGuard, type Guard } from './core/guard.js';
export type { IssuerOptions } from './core/issuers.js';
export type { GuardOptions, KeyOptions, SharedOptions } from './core/options.js';
export type { ClaimMap, ClaimPath, Principal } from './core/principal.js';
export { checkRequirements, type Requirements } from './core/requirements.js';
