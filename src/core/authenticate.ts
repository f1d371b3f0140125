import type { Credential } from './extract.js';
import type { Settings } from './options.js';
import { type Principal, principalOf, type Unverified } from './principal.js';
import { trustIssuers } from './verify/issuer.js';
import { createJwtVerifier } from './verify/jwt.js';

/** Finds out who presents a credential. */
export interface Authenticator {
  /**
   * Answers whose credential this is.
   * @throws AuthError 401 for a bad one, UpstreamError for one that cannot be told
   */
  authenticate(credential: Credential, seen: Unverified): Promise<Principal>;
  /** Settles once every issuer's keys are held, or rejects with the first UpstreamError. */
  ready(): Promise<void>;
  /** Ends what is still on its way. */
  close(): void;
}

/** One verifier is responsible for a credential, and its failure is final. */
export function createAuthenticator(settings: Settings): Authenticator {
  const issuers = trustIssuers(settings);
  const keySets = [...issuers.values()].map((issuer) => issuer.keys);
  const verifyJwt = createJwtVerifier(issuers, settings);

  return {
    async authenticate(credential, seen) {
      const { claims, issuer } = await verifyJwt(credential.text, seen);
      return principalOf(claims, issuer.claims);
    },
    async ready() {
      // One issuer's outage must not keep the others' keys from being fetched.
      const outcomes = await Promise.allSettled(keySets.map((keys) => keys.ready()));
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    },
    close() {
      for (const keys of keySets) keys.close();
    },
  };
}
