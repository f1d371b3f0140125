export {
  type Answer,
  conformanceCases,
  type GuardCase,
  type OpenDoor,
} from './testing/contract.js';
export {
  createTestIssuer,
  type TestGuardOptions,
  type TestIssuer,
  type TestIssuerOptions,
  trustTestIssuers,
} from './testing/issuer.js';
export { testPrincipal } from './testing/principal.js';
export type { TokenParts } from './testing/token.js';
