import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  ConfigError,
  createGuard,
  type DecisionEvent,
  type GuardOptions,
  type Requirements,
} from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { bearing } from '../rfc/ask.js';
import { json, openHost, text } from '../token/jwks-server.js';

/** A guard that is set up wrongly, and what a client sends that does all right. */
interface Scene {
  readonly options: Partial<GuardOptions>;
  readonly token: string;
  readonly requirements?: Requirements;
}

const audience = 'https://api.test';
let issuer: TestIssuer;
let warnings: (Error & { readonly code?: string })[] = [];
const hear = (warning: Error) => void warnings.push(warning);

beforeEach(async () => {
  issuer = await (await createTestIssuer({ audience })).listen();
  onTestFinished(() => issuer.close());
  warnings = [];
  process.on('warning', hear);
});
afterEach(() => void process.off('warning', hear));

/** What of the process's warnings are sallyport's; they come a tick later. */
async function heard() {
  await new Promise((done) => setImmediate(done));
  return warnings.filter(({ name }) => name === 'SallyportWarning');
}

function open(options: Partial<GuardOptions>) {
  const guard = createGuard({ ...issuer.options, ...options } as GuardOptions);
  onTestFinished(() => guard.close());
  return guard;
}

const scenes: Record<string, readonly [wanted: RegExp, set: () => Promise<Scene>]> = {
  'another audience': [
    /aud must contain "https:\/\/other\.test"; got "https:\/\/api\.test"/,
    async () => ({ options: { audience: 'https://other.test' }, token: await issuer.token() }),
  ],
  'a token that names no audience': [
    /names no audience/,
    async () => ({ options: {}, token: await issuer.token({ claims: { aud: undefined } }) }),
  ],
  'an audience with a slash more': [
    /aud must contain .* differ only by a trailing slash/,
    async () => ({ options: { audience: `${audience}/` }, token: await issuer.token() }),
  ],
  'an issuer with a slash more': [
    /iss must be .* differ only by a trailing slash/,
    async () => {
      const { issuer: name, options } = issuer;
      const jwksUri = `${name}/jwks`;
      return { options: { ...options, issuer: `${name}/`, jwksUri }, token: await issuer.token() };
    },
  ],
  'an issuer that writes http where https is meant': [
    /iss must be "https:.* differ only by http and https/,
    async () => {
      const jwksUri = `${issuer.issuer}/jwks`;
      const token = await issuer.token({ claims: { iss: 'http://login.test' } });
      return { options: { issuer: 'https://login.test', jwksUri }, token };
    },
  ],
  'a jwksUri that is a website': [
    /\/home/,
    async () => {
      const host = await openHost();
      host.routes['/home'] = text('<!doctype html><title>Log in</title>');
      return { options: { jwksUri: `${host.origin}/home` }, token: await issuer.token() };
    },
  ],
  'a jwksUri that is the metadata': [
    /discovery document/,
    async () => {
      const host = await openHost();
      const path = '/metadata.json';
      host.routes[path] = json({ issuer: issuer.issuer, jwks_uri: `${issuer.issuer}/jwks` });
      return { options: { jwksUri: host.origin + path }, token: await issuer.token() };
    },
  ],
  'another algorithm': [
    /alg must be one of RS256; got "ES256"/,
    async () => ({ options: { algorithms: ['RS256'] }, token: await issuer.token() }),
  ],
  'an issuer that signs with HS256': [
    /got "HS256", which is symmetric/,
    async () => ({ options: {}, token: await issuer.token({ header: { alg: 'HS256' } }) }),
  ],
  'a clock that is slow': [
    /iat is \d+ s ahead of this machine's clock/,
    async () => ({ options: { now: () => Date.now() - 95_000 }, token: await issuer.token() }),
  ],
  'no claim with scopes where they are read': [
    /no claim "scope"; it has "scp" \(an array\), "permissions" \(an array\)/,
    async () => ({
      options: {},
      token: await issuer.token({ claims: { scp: ['a'], permissions: ['a'] } }),
      requirements: { scopes: ['a'] },
    }),
  ],
  'a claim with scopes of a wrong type': [
    /the claim "scope" is an object/,
    async () => ({
      options: {},
      token: await issuer.token({ claims: { scope: { a: true } } }),
      requirements: { scopes: ['a'] },
    }),
  ],
  'a path to scopes that leads into a string': [
    /claim path \["realm","roles"\] leads into "realm", which is a string/,
    async () => ({
      options: { claims: { scopes: ['realm', 'roles'] } },
      token: await issuer.token({ claims: { realm: 'acme' } }),
      requirements: { scopes: ['a'] },
    }),
  ],
  'a path to the organization that leads into a string': [
    /claim path \["org","id"\] leads into "org", which is a string/,
    async () => ({
      options: { claims: { orgId: ['org', 'id'] } },
      token: await issuer.token({ claims: { org: 'acme' } }),
      requirements: { orgId: 'acme' },
    }),
  ],
  'a subject that is a number': [
    /claim "sub" must be a string; got a number/,
    async () => ({ options: {}, token: await issuer.token({ claims: { sub: 42 } }) }),
  ],
};

describe.each(Object.entries(scenes))('%s', (_, [wanted, set]) => {
  test('is named by the event', async () => {
    const { options, token, requirements } = await set();
    const events: DecisionEvent[] = [];
    const onDecision = (event: DecisionEvent) => void events.push(event);
    const guard = open({ ...options, onDecision, onJwks: () => {} });
    const decision = await guard(bearing(token), requirements);
    expect(decision.allowed).toBe(false);
    expect(events).toMatchObject([{ detail: expect.stringMatching(wanted) }]);
    expect(events[0]?.detail).toMatch(/^[ -~]+$/);
    // The client gets none of it.
    const sent = JSON.stringify(!decision.allowed && decision.denial);
    expect(sent).not.toContain(events[0]?.detail);
    expect(await heard()).toEqual([]);
  });

  test('is, without a listener, one warning of the process', async () => {
    const { options, token, requirements } = await set();
    const guard = open(options);
    for (let i = 0; i < 5; i += 1) await guard(bearing(token), requirements);
    expect(await heard()).toMatchObject([
      { message: expect.stringMatching(wanted), code: expect.stringMatching(/^SALLYPORT_[A-Z]+$/) },
    ]);
    for (const part of token.split('.')) expect(warnings[0]?.message).not.toContain(part);
  });
});

test.each([
  ['http', { issuer: 'http://login.example.com' }, /must be an https URL/],
  ['an algorithm that is symmetric', { algorithms: ['HS256'] }, /HS256/],
])('%s in the options is named at startup', (_, options, wanted) => {
  const make = () => open(options as Partial<GuardOptions>);
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(wanted);
});

describe('a clock that is fast', () => {
  const late = { now: () => Date.now() + 3_600_000 };

  test('is suspected once several tokens have expired, and none was accepted', async () => {
    const guard = open(late);
    await guard(bearing(await issuer.token()));
    await guard(bearing(await issuer.token()));
    expect(await heard()).toEqual([]);
    await guard(bearing(await issuer.token()));
    expect(await heard()).toMatchObject([{ code: 'SALLYPORT_CLOCK' }]);
  });

  test('is not suspected of an old token while others are accepted', async () => {
    const guard = open({});
    await guard(bearing(await issuer.token()));
    const old = await issuer.token({ expiresIn: -600 });
    for (let i = 0; i < 10; i += 1) await guard(bearing(old));
    expect(await heard()).toEqual([]);
  });
});

describe('a stranger', () => {
  test('makes no warning with what is not meant for this guard', async () => {
    const guard = open({});
    const foreign = { iss: 'https://evil.test', aud: 'https://evil.test' };
    for (const token of [
      ...['abc', 'a.b.c', `${await issuer.token()}=`, `${await issuer.token()}.a.b`],
      await issuer.token({ claims: foreign }),
      await issuer.token({ claims: foreign, header: { alg: 'HS256' } }),
      await issuer.token({ claims: foreign, header: { typ: 'x' } }),
      await issuer.token({ wrongKey: true }),
      await issuer.token({ expiresIn: -60 }),
    ]) {
      expect((await guard(bearing(token))).allowed).toBe(false);
    }
    expect(await heard()).toEqual([]);
  });

  test('makes one of each kind at most, and nothing that is not printable', async () => {
    const guard = open({});
    for (let i = 0; i < 200; i += 1) {
      const claims = [
        { aud: `https://evil.test/${i}\u001b[31m\n${'x'.repeat(999)}` },
        { iss: `https://evil.test/${i}` },
        { at_hash: `${i}` },
        { sub: i },
        { exp: 'soon' },
        { iat: 9e9 },
      ];
      await guard(bearing(await issuer.token({ claims: claims[i % claims.length] ?? {} })));
    }
    const said = await heard();
    expect(new Set(said.map(({ code }) => code)).size).toBe(said.length);
    expect(said.length).toBe(6);
    for (const { message } of said) expect(message).toMatch(/^[ -~]{1,700}$/);
  });

  test('makes none where there is no process', async () => {
    const { process: real } = globalThis;
    const guard = open({ audience: 'https://other.test' });
    const token = await issuer.token();
    try {
      Reflect.set(globalThis, 'process', undefined);
      expect((await guard(bearing(token))).allowed).toBe(false);
    } finally {
      globalThis.process = real;
    }
  });
});

test('an outage of the keys is one warning for each cause, and a few in all', async () => {
  const host = await openHost();
  let i = 0;
  host.routes['/jwks'] = (response) => {
    i += 1;
    text('no', 500 + (i % 50))(response);
  };
  let time = Date.now();
  const guard = open({ jwksUri: `${host.origin}/jwks`, now: () => time });
  for (let asked = 0; asked < 40; asked += 1) {
    await guard.ready().catch(() => {});
    time += 60_000;
  }
  const said = await heard();
  expect(said.length).toBe(10);
  for (const { code } of said) expect(code).toBe('SALLYPORT_JWKS');
});

test('a store of API keys that is down is one warning, without anything that it threw', async () => {
  const lookup = () => Promise.reject(new Error('password=hunter2'));
  const guard = open({ apiKeys: { from: [{ header: 'x-api-key' }], lookup } });
  const header = (name: string) => (name === 'x-api-key' ? 'key_of_somebody' : undefined);
  for (let i = 0; i < 5; i += 1) await guard({ method: 'GET', url: '/', header });
  const said = await heard();
  expect(said).toMatchObject([{ code: 'SALLYPORT_LOOKUP' }]);
  expect(said[0]?.message).not.toMatch(/hunter2|key_of_somebody/);
});

test.each([
  ['issuer', { issuer: 'https://login.test/.well-known/openid-configuration' }],
  ['jwksUri', { jwksUri: 'https://login.test/.well-known/openid-configuration' }],
  ['issuer', { issuer: 'http://login.test' }],
  ['issuer', { issuer: 'https://login.test/{tenantid}/v2.0' }],
  ['algorithms', { algorithms: ['HS256'] }],
])('%s that cannot be right is named at startup: %j', (name, options) => {
  const base = { issuer: 'https://login.test', audience: 'https://api.test' };
  const make = () => createGuard({ ...base, ...options } as never);
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(`options.${name} must `);
});
