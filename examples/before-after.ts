import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import express from 'express';
import { principalOf } from 'sallyport';
import { createApiKey, inMemoryApiKeys } from 'sallyport/api-keys';
import { expressGuard } from 'sallyport/express';
import { createTestIssuer } from 'sallyport/testing';
import { listen } from './listen.js';

// The clock is set by this script. The client has its own clock, which may be wrong.
const clocks = { api: Date.parse('2027-03-01T12:00:00Z'), client: 0 };
clocks.client = clocks.api;
const now = () => clocks.client;

const issuer = await createTestIssuer({
  audience: 'https://api.example.com',
  now: () => clocks.api,
});
await issuer.listen();
const tokenUrl = issuer.tokenEndpoint;
const { key: apiKey, digest } = createApiKey({ prefix: 'acme_live' });

// What a client changes:

// #region quickstart
// apiKey and tokenUrl are yours. now is Date.now, unless a test controls the clock.

// Before: a key that lives for years, on every request.
const before = (url: string) => fetch(url, { headers: { 'x-api-key': apiKey } });

// After: a token that lives for minutes, requested once and reused.
let held: { token: Promise<string>; freshUntil: number } | undefined;

async function requestToken() {
  const response = await fetch(tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials', // RFC 6749 §4.4
      client_id: 'shop',
      client_secret: process.env.CLIENT_SECRET ?? 'not-so-secret',
      scope: 'orders:read',
    }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`no token: the issuer answered ${response.status}`);
  return (await response.json()) as { access_token: string; expires_in: number };
}

function accessToken(): Promise<string> {
  if (held && now() < held.freshUntil) return held.token;
  // Concurrent callers share this request.
  const next = {
    freshUntil: Number.POSITIVE_INFINITY,
    token: requestToken().then(({ access_token, expires_in }) => {
      next.freshUntil = now() + expires_in * 900; // at 90 % of its lifetime
      return access_token;
    }),
  };
  held = next;
  next.token.catch(() => forget(next.token)); // the next call tries again
  return next.token;
}

const forget = (token: Promise<string>) => {
  if (held?.token === token) held = undefined;
};

async function after(url: string): Promise<Response> {
  const token = accessToken();
  const response = await callWith(await token, url);
  if (response.status !== 401) return response;
  // Retry once with a new token: the clock may be wrong, or the token revoked. A second 401 is final.
  forget(token);
  await response.body?.cancel();
  return callWith(await accessToken(), url);
}

const callWith = (token: string, url: string) =>
  fetch(url, { headers: { authorization: `Bearer ${token}` } });
// #endregion

const lookup = inMemoryApiKeys([
  { id: 'key_1', clientId: 'shop', scopes: ['orders:read'], digest },
]);
const requireToken = expressGuard({
  ...issuer.options,
  apiKeys: { from: [{ header: 'x-api-key' }], lookup },
});
const requireAnother = expressGuard({
  ...issuer.options,
  audience: 'https://another.example.com',
});

const app = express();
let requests = 0;
app.use((_req, _res, next) => {
  requests += 1;
  next();
});
app.get('/orders', requireToken({ scopes: ['orders:read'] }), (req, res) => {
  res.json({ orders: [], for: principalOf(req).clientId });
});
app.get('/refunds', requireToken({ scopes: ['refunds:read'] }), (_req, res) => {
  res.json({ refunds: [] });
});
app.get('/another-api', requireAnother(), (_req, res) => {
  res.json({});
});
const { origin, close } = await listen(createServer(app));
const at = (path: string) => () => after(`${origin}${path}`);
const orders = at('/orders');

function pass(seconds: number, which: readonly (keyof typeof clocks)[] = ['api', 'client']): void {
  for (const one of which) clocks[one] += seconds * 1000;
}

/** Prints the responses, and how many requests to the API and the issuer they took. */
async function tell(
  what: string,
  calls: readonly (() => Promise<Response>)[],
  expected: string,
): Promise<void> {
  const before = { requests, tokens: issuer.requests.token };
  const all = await Promise.allSettled(calls.map((call) => call()));
  const answers = all.map((one) => (one.status === 'fulfilled' ? one.value.status : 'no answer'));
  const sent = `requests: ${requests - before.requests}`;
  const told = `${[...new Set(answers)]}, ${sent}, asked for tokens: ${issuer.requests.token - before.tokens}`;
  console.log(`${what.padEnd(46)}  ${told}`);
  assert.equal(told, expected, what);
}

const ten = <T>(call: T): readonly T[] => Array.from({ length: 10 }, () => call);

const byKey = () => before(`${origin}/orders`);
await tell('before: ten calls with the key', ten(byKey), '200, requests: 10, asked for tokens: 0');
await tell('after: ten calls at once', ten(orders), '200, requests: 10, asked for tokens: 1');
pass(240);
await tell('four of its five minutes later', [orders], '200, requests: 1, asked for tokens: 0');
pass(45);
await tell('shortly before its end', [orders], '200, requests: 1, asked for tokens: 1');
pass(3600, ['api']);
await tell(
  "an hour on, but not by the client's clock",
  [orders],
  '200, requests: 2, asked for tokens: 1',
);
await tell(
  'an API for which no token is good',
  [at('/another-api')],
  '401, requests: 2, asked for tokens: 1',
);
await tell(
  'a scope it has not: no case for a retry',
  [at('/refunds')],
  '403, requests: 1, asked for tokens: 0',
);
issuer.goDown();
await tell(
  'the issuer is down, the token still good',
  [orders],
  '200, requests: 1, asked for tokens: 0',
);
pass(280);
await tell(
  'the issuer is down, the token is not',
  [orders],
  'no answer, requests: 0, asked for tokens: 1',
);
issuer.comeBack();
await tell('the issuer is back', [orders], '200, requests: 1, asked for tokens: 1');

close();
await issuer.close();
