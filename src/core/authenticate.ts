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

/** Finds out who presents a credential. */
export interface Authenticator {
  /**
   * Answers whose credential this is: at once, where that is known already.
   * @throws AuthError 401 for a bad one, UpstreamError for one that cannot be told
   */
  authenticate(
    credential: Credential,
    seen: UnverifiedIdentity,
    ruling: Enforcement,
  ): Principal | Promise<Principal>;
  /**
   * Finds out whose a key is, whatever may be wrong with it; undefined if nobody's.
   * @throws UpstreamError while that cannot be told, anything else for a bug
   */
  ownerOf(key: string): Promise<KnownKey | undefined>;
  /** Forgets what is remembered of an API key; without an id, of every one. */
  forget(id?: string): void;
  /** Tells whether an issuer has signed this, by a key that is held; fetches only where none ever was. */
  isSigned(text: string): Promise<boolean>;
  /** Settles once every issuer's keys are held, or rejects with the first UpstreamError. */
  ready(): Promise<void>;
  /** Ends what is still on its way. */
  close(): void;
}

/** One verifier is responsible for a credential, and its failure is final. */
export function createAuthenticator(settings: Settings): Authenticator {
  const issuers = trustIssuers(settings);
  const keySets = [...issuers.values()].map((issuer) => issuer.keys);
  const verifyToken = createTokenVerifier(createJwtVerifier(issuers, settings), settings);

  const keyVerifier = settings.apiKeys && createApiKeyVerifier(settings.apiKeys, settings.now);

  function holderOf(key: string, seen: UnverifiedIdentity): Principal | Promise<Principal> {
    if (!keyVerifier) throw new TypeError('a key was found, and none is accepted');
    return keyVerifier.verify(key, seen);
  }

  async function ownerOfBoth(
    { text, key }: Extract<Credential, { readonly kind: 'both' }>,
    seen: UnverifiedIdentity,
    ruling: Enforcement,
  ): Promise<Principal> {
    const principal = await verifyToken(text, seen, ruling);
    const holder = await holderOf(key, seen);
    if (holder.key) seen.key = knownKey(holder.key);
    if (!isSameClient(principal, holder, issuers.size === 1)) {
      throw new AuthError('ERR_CREDENTIAL_MISMATCH');
    }
    return principal;
  }

  return {
    authenticate(credential, seen, ruling) {
      if (credential.kind === 'token') return verifyToken(credential.text, seen, ruling);
      if (credential.kind === 'api-key') return holderOf(credential.text, seen);
      return ownerOfBoth(credential, seen, ruling);
    },
    async ownerOf(key) {
      const seen: UnverifiedIdentity = { claims: undefined, paths: undefined, key: undefined };
      try {
        const { key: record } = await holderOf(key, seen);
        return record && knownKey(record);
      } catch (error) {
        if (seen.key || error instanceof AuthError) return seen.key;
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
