import { UpstreamError } from '../base/errors.js';
import { own } from '../base/json.js';
import { discover } from './discovery.js';
import { fetchJson, throwIfOver, unusable } from './fetch-json.js';
import type { IssuerList, IssuerSettings } from './issuer-options.js';
import { createImporter, type ImportedKeys, servesAny } from './jwk.js';
import { createKeySet } from './jwks.js';
import { createJwksEmitter, type EmitJwks, type JwksEvent } from './jwks-events.js';
import type { JwksSettings } from './jwks-options.js';
import type { JwksSource, LoadAttempt, LoadedKeys } from './jwks-source.js';
import { createSharedJwks, isKeyList } from './jwks-store.js';
import type { KeySet } from './key-set.js';

/** An issuer and its own keys, which never verify for another (RFC 8725 §3.8). */
export interface TrustedIssuer extends IssuerSettings {
  readonly keys: KeySet;
}

/** What all issuers of a guard share. */
interface FetchSettings {
  readonly jwks: JwksSettings;
  readonly onJwks: (event: JwksEvent) => void;
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
}

const accept = 'application/jwk-set+json, application/json, */*;q=0.1';

/** The issuers of a guard by their exact `iss`. No token can add one. */
export function trustIssuers(
  settings: FetchSettings & { readonly issuers: IssuerList },
): ReadonlyMap<string, TrustedIssuer> {
  const { jwks: limits, now } = settings;
  return new Map(
    settings.issuers.map((issuer) => {
      let closed = false;
      const listener = createJwksEmitter(settings.onJwks, issuer.issuer);
      const emit: EmitJwks = (news) => {
        if (!closed) listener(news);
      };
      const keys = createKeySet(sourceOf(issuer, settings, emit), limits, { now, emit });
      const close = () => {
        closed = true;
        keys.close();
      };
      return [issuer.issuer, { ...issuer, keys: { ...keys, close } }];
    }),
  );
}

function sourceOf(
  { issuer, jwksUri: configured }: IssuerSettings,
  { fetch, jwks: { initial, store, timeout, maxAge }, now }: FetchSettings,
  emit: EmitJwks,
): JwksSource {
  const importAll = createImporter(issuer);
  const shared = createSharedJwks(store, { issuer, timeout, maxAge, now, emit });
  const patience = Math.min(1000, timeout * 500);
  let lastKnown: string | undefined;

  async function restore(signal: AbortSignal): Promise<LoadedKeys | undefined> {
    const stored = await shared.restore();
    throwIfOver(signal);
    if (!stored) return undefined;
    const { fetchedAt, jwks } = stored;
    const imported = importAll(jwks.keys);
    if (!imported.keys.some(servesAny)) return undefined;
    return { ...imported, from: 'jwks.store', published: jwks.keys, fetchedAt };
  }

  /** Discovers at each fetch, since an issuer may move its keys; if that fails, the old URL serves on. */
  async function locate({ signal, waitFor }: LoadAttempt): Promise<string> {
    try {
      lastKnown = await discover(issuer, { fetch, signal, patience, waitFor });
    } catch (error) {
      if (lastKnown === undefined || signal.aborted) throw error;
    }
    return lastKnown;
  }

  return {
    initial: initial && usable(importAll(initial.keys)),
    async load({ signal, waitFor }) {
      waitFor('jwks.store');
      const restored = await restore(signal);
      if (restored) return restored;
      const url = configured ?? (await locate({ signal, waitFor }));
      waitFor(url);
      const answer = await fetchJson(url, { fetch, signal, accept });
      const list = own(answer.json, 'keys');
      if (Array.isArray(list) && !isKeyList(list)) {
        throw new UpstreamError('ERR_JWKS_RESPONSE', `${url} returned more than 256 keys`);
      }
      if (!isKeyList(list)) throw unusable('ERR_JWKS_RESPONSE', answer, 'JWK Set');
      return { ...importAll(list), from: url, published: list };
    },
    share({ published, fetchedAt }) {
      if (fetchedAt === undefined) shared.share(published);
    },
  };
}

// A set whose keys are all of other issuers is none: it is fetched, and meanwhile nothing is held.
const usable = (imported: ImportedKeys): ImportedKeys | undefined =>
  imported.keys.length > 0 ? imported : undefined;
