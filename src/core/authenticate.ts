import { createApiKeyVerifier } from './api-key/verifier.js';
import { AuthError } from './base/errors.js';
import type { Enforcement } from './enforcement.js';
import type { Credential } from './extract.js';
import type { Settings } from './options.js';
import { type KnownKey, knownKey, type Principal, type UnverifiedIdentity } from './principal.js';
import { createTokenVerifier } from './token/cache.js';
import { trustIssuers } from './token/issuer.js';
import { createJwtVerifier } from './token/jwt.js';
import { createSignatureCheck } from './token/signature-check.js';

/** Verifies credentials. */
export interface Authenticator {
  /**
   * Verifies a credential and returns its principal; synchronously if it is cached. What it learns of a
   * credential that it rejects is in `unverified`.
   * @throws AuthError 401 if it is invalid, UpstreamError if that cannot be determined
   */
  authenticate(
    credential: Credential,
    unverified: UnverifiedIdentity,
    enforcement: Enforcement,
  ): Principal | Promise<Principal>;
  /**
   * Finds out whose a key is, whatever may be wrong with it; undefined if nobody's.
   * @throws UpstreamError while that cannot be told, anything else for a bug
   */
  ownerOf(key: string): Promise<KnownKey | undefined>;
  /** Removes an API key from the cache; without an id, every one. */
  forget(id?: string): void;
  /** Tells whether an issuer has signed this, by a key that is held; fetches only where none ever was. */
  isSigned(text: string): Promise<boolean>;
  /** Resolves once every issuer's JWKS is cached. @throws the first UpstreamError */
  ready(): Promise<void>;
  /** Aborts the fetches that are under way. */
  close(): void;
}

/** Picks the one verifier that is responsible for a credential. Its failure is final. */
export function createAuthenticator(settings: Settings): Authenticator {
  const issuers = trustIssuers(settings);
  const keySets = [...issuers.values()].map((issuer) => issuer.keys);
  const verifyToken = createTokenVerifier(createJwtVerifier(issuers, settings), settings);

  const keyVerifier = settings.apiKeys && createApiKeyVerifier(settings.apiKeys, settings.now);

  function verifyKey(key: string, unverified: UnverifiedIdentity): Principal | Promise<Principal> {
    if (!keyVerifier) throw new TypeError('an API key was extracted although apiKeys is not set');
    return keyVerifier.verify(key, unverified);
  }

  async function verifyBoth(
    { text, key }: Extract<Credential, { readonly kind: 'both' }>,
    unverified: UnverifiedIdentity,
    enforcement: Enforcement,
  ): Promise<Principal> {
    const principal = await verifyToken(text, unverified, enforcement);
    const owner = await verifyKey(key, unverified);
    if (owner.key) unverified.key = knownKey(owner.key);
    if (!isSameClient(principal, owner, issuers.size === 1)) {
      throw new AuthError('ERR_CREDENTIAL_MISMATCH');
    }
    return principal;
  }

  return {
    authenticate(credential, unverified, enforcement) {
      if (credential.kind === 'token') return verifyToken(credential.text, unverified, enforcement);
      if (credential.kind === 'api-key') return verifyKey(credential.text, unverified);
      return verifyBoth(credential, unverified, enforcement);
    },
    async ownerOf(key) {
      const unverified: UnverifiedIdentity = {
        claims: undefined,
        paths: undefined,
        key: undefined,
      };
      try {
        const { key: record } = await verifyKey(key, unverified);
        return record && knownKey(record);
      } catch (error) {
        if (unverified.key || error instanceof AuthError) return unverified.key;
        throw error;
      }
    },
    forget: (id) => keyVerifier?.forget(id),
    isSigned: createSignatureCheck(issuers),
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

// A client that neither names is not the same one. With several issuers an id alone is nobody's: a key
// whose record names no issuer belongs to the client of none of them.
function isSameClient(token: Principal, key: Principal, isOnlyIssuer: boolean): boolean {
  const { clientId, orgId, issuer } = token;
  const sameIssuer = isOnlyIssuer || issuer === key.issuer;
  return sameIssuer && clientId !== undefined && clientId === key.clientId && orgId === key.orgId;
}
