import { isLoopback } from '../config.js';
import { UpstreamError } from '../errors.js';
import { type IssuerSettings, isLoopbackIssuer } from '../issuers.js';
import { createKeysTeller, type TellKeys } from '../key-events.js';
import type { Settings } from '../options.js';
import { withDeadline } from './deadline.js';
import { type Answer, getJson, unusable } from './fetch.js';
import { own } from './json.js';
import { createKeySet, type KeySet, type KeySource, type LoadedKeys } from './jwks.js';
import { importKey, type VerificationKey } from './key.js';

/** An issuer and its own keys, which never verify for another (RFC 8725 §3.8). */
export interface TrustedIssuer extends IssuerSettings {
  readonly keys: KeySet;
}

const mostKeys = 256;

/** The issuers of a guard by their exact `iss`. No token can add one. */
export function trustIssuers(settings: Settings): ReadonlyMap<string, TrustedIssuer> {
  const { keys: limits, now } = settings;
  return new Map(
    settings.issuers.map((issuer) => {
      let closed = false;
      const listener = createKeysTeller(settings.onKeys, issuer.issuer);
      const tell: TellKeys = (news) => closed || listener(news);
      const keys = createKeySet(sourceOf(issuer, settings, tell), limits, { now, tell });
      const close = () => {
        closed = true;
        keys.close();
      };
      return [issuer.issuer, { ...issuer, keys: { ...keys, close } }];
    }),
  );
}

function sourceOf(
  { issuer, jwksUri }: IssuerSettings,
  { fetch, keys: { initial, store, timeout, maxAge }, now }: Settings,
  tell: TellKeys,
): KeySource {
  let known = jwksUri;
  let imported = new Map<string, VerificationKey | undefined>();
  let unasked = store;
  const patience = { milliseconds: timeout * 250, late: 'ERR_KEYS_TIMEOUT' } as const;

  // A key that is still listed stays the same one: by that a remembered token knows it.
  function importAll(list: readonly unknown[]): readonly VerificationKey[] {
    const before = imported;
    imported = new Map();
    const keys = list.map((jwk) => {
      const text = JSON.stringify(jwk);
      const known = imported.has(text) ? imported : before;
      const key = known.has(text) ? known.get(text) : importKey(jwk);
      imported.set(text, key);
      return key;
    });
    return keys.filter((key) => key !== undefined);
  }

  /** What another process fetched lately; a store that fails or is slow costs a fetch. */
  async function restore(): Promise<LoadedKeys | undefined> {
    const shared = unasked;
    unasked = undefined;
    if (!shared) return undefined;
    try {
      const stored: unknown = await withDeadline(patience, async () => shared.get(issuer));
      const [list, fetchedAt] = [own(own(stored, 'jwks'), 'keys'), own(stored, 'fetchedAt')];
      if (!isKeyList(list) || typeof fetchedAt !== 'number') return undefined;
      const age = now() - fetchedAt;
      if (!(age >= 0 && age < maxAge * 1000)) return undefined;
      const keys = importAll(list);
      return keys.length > 0 ? { keys, fetchedAt } : undefined;
    } catch {
      tell({ time: now(), kind: 'failed', detail: 'keys.store.get failed, so keys are fetched' });
      return undefined;
    }
  }

  function share(list: readonly object[]): void {
    if (!store) return;
    const stored = { jwks: { keys: structuredClone(list) }, fetchedAt: now() };
    (async () => store.set(issuer, stored))().catch(() => {
      tell({
        time: now(),
        kind: 'failed',
        detail: 'keys.store.set failed: no other process has them',
      });
    });
  }

  return {
    initial: initial && importAll(initial.keys),
    async load(signal) {
      const restored = await restore();
      if (restored) return restored;
      if (signal.aborted) throw new UpstreamError('ERR_KEYS_UNREACHABLE', 'the guard was closed');
      // Asked anew each time, for an issuer may move its keys; the old place serves on if it fails.
      if (jwksUri === undefined) {
        try {
          known = await discover(issuer, fetch, signal);
        } catch (error) {
          if (known === undefined || signal.aborted) throw error;
        }
      }
      const url = known as string;
      const answer = await getJson(url, fetch, signal);
      const list = own(answer.json, 'keys');
      if (!isKeyList(list)) throw unusable('ERR_KEYS_RESPONSE', url, answer);
      const keys = importAll(list);
      share(list);
      return { keys };
    },
  };
}

const isKeyList = (list: unknown): list is readonly object[] =>
  Array.isArray(list) && list.length <= mostKeys;

// A form that an authorization server does not have is absent in many ways: 404, a page of HTML,
// a redirect to one. Both are asked before anything is concluded.
async function discover(
  issuer: string,
  fetch: Settings['fetch'],
  signal: AbortSignal,
): Promise<string> {
  let failure: UpstreamError | undefined;
  for (const url of wellKnown(issuer)) {
    const answer = await getJson(url, fetch, signal);
    const found = jwksUriOf(answer, issuer, url);
    if (typeof found === 'string') return found;
    if (answer.status >= 500 || answer.status === 429) throw found;
    // Metadata of another issuer say more of what is wrong than a form that is absent.
    if (!failure || found.code === 'ERR_DISCOVERY_ISSUER') failure = found;
  }
  throw failure;
}

function jwksUriOf({ status, json }: Answer, issuer: string, url: string): string | UpstreamError {
  const [named, jwksUri] = [own(json, 'issuer'), own(json, 'jwks_uri')];
  if (typeof named !== 'string') return unusable('ERR_DISCOVERY_RESPONSE', url, { status, json });
  if (named !== issuer) {
    return new UpstreamError('ERR_DISCOVERY_ISSUER', differs(url, issuer, named.slice(0, 256)));
  }
  if (typeof jwksUri === 'string' && mayBeFetched(jwksUri, issuer)) return new URL(jwksUri).href;
  const none = new UpstreamError(
    'ERR_DISCOVERY_RESPONSE',
    `${url} names no jwks_uri that is https`,
  );
  if (jwksUri === undefined) return none; // RFC 8414 §2 lets it be left out; the other form may have it
  throw none;
}

// What is discovered stays off this machine, unless the configured issuer is on it itself.
function mayBeFetched(jwksUri: string, issuer: string): boolean {
  if (!URL.canParse(jwksUri)) return false;
  const url = new URL(jwksUri);
  if (url.username !== '' || url.password !== '') return false;
  if (isLoopback(url)) return isLoopbackIssuer(issuer) && /^https?:$/.test(url.protocol);
  return url.protocol === 'https:';
}

/** Where metadata may be: RFC 8414 §3.1 inserts, OpenID Connect Discovery §4 appends. */
function wellKnown(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
}

function differs(url: string, issuer: string, named: string): string {
  const plain = (text: string) => text.replace(/\/+$/, '').toLowerCase();
  const hint =
    plain(issuer) === plain(named)
      ? `: they differ only by a slash or by case, so write issuer: ${quote(named)}`
      : '';
  return `${url} is the metadata of ${quote(named)}, not of ${quote(issuer)}${hint}`;
}

// Escaped, since it was fetched and may be logged.
const quote = (text: string): string => JSON.stringify(text);
