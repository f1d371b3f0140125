import type { AuthError, UpstreamError } from './base/errors.js';
import type { Denial } from './challenge.js';
import type { Principal } from './principal.js';

/** What a guard answers: who may pass, with headers for the response, or why nobody may. */
export type Decision =
  | {
      readonly allowed: true;
      /** Undefined where no credential is allowed and none was sent. */
      readonly principal: Principal | undefined;
      /** To be set on the response. */
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly allowed: false;
      readonly error: AuthError | UpstreamError;
      readonly denial: Denial;
    };
