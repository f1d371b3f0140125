import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AuthError, ConfigError, createGuard, type JwksEvent } from '../../src/index.js';
import { bearing } from '../rfc/ask.js';
import { audience, guardFor, issuer, keyFor, mint, named, now } from '../rfc/mint.js';
import {
  type Answer,
  json,
  openHost,
  openScene,
  redirect,
  type SceneOptions,
  text,
} from './jwks-server.js';
import { settle } from './scene.js';

// What an operator is told of a mistake: one sentence that names it.

/** The sentence about a scene whose keys are answered for like this. */
async function sentence(answer: Answer, options?: SceneOptions): Promise<string> {
  const scene = await openScene(options);
  scene.serve(answer);
  const decision = await scene.decide();
  if (decision.allowed) throw new Error('allowed');
  expect(decision.denial.status).toBe(503);
  expect(JSON.stringify(decision.denial)).not.toContain(scene.host.origin);
  return decision.error.message.replaceAll(scene.host.origin, '');
}

describe('about what is not a key set', () => {
  test.each<[string, Answer, string]>([
    [
      'HTML',
      text(' \n<!doctype html>'),
      '/jwks returned HTML, not a JWK Set. If it is a website, set jwksUri or check issuer',
    ],
    ['an empty body', text(''), '/jwks returned an empty body, not a JWK Set'],
    ['no JSON', text('{"keys":'), '/jwks returned something other than JSON, not a JWK Set'],
    ['another document', json({ a: 1 }), '/jwks returned JSON that is not a JWK Set'],
    [
      'a discovery document',
      json({ issuer: 'a', jwks_uri: 'https://a.test/keys' }),
      '/jwks returned a discovery document, not a JWK Set. Its jwks_uri is "https://a.test/keys": set jwksUri to that, or leave jwksUri out',
    ],
    [
      'a redirect',
      redirect('/login/a?token=secret#secret'),
      '/jwks returned 302, a redirect to /login/a; redirects are not followed: configure the address of the JWK Set itself',
    ],
    [
      'a redirect with a password',
      redirect(`https://user:secret@b.test/${'a'.repeat(200)}`),
      `/jwks returned 302, a redirect to https://b.test/${'a'.repeat(113)}; redirects are not followed: configure the address of the JWK Set itself`,
    ],
    ['an empty set', json({ keys: [] }), '/jwks returned an empty JWK Set'],
    [
      'a set of weak keys',
      json({ keys: [{ kty: 'oct', kid: 'a\u0000\n', k: 'AA' }, { kty: 'EC', use: 'enc' }, 1] }),
      '/jwks returned a JWK Set in which no key can be used: kid "a": its kty is "oct": RSA, EC and OKP are supported; one without kid: it has no crv, x, y; one without kid: it is not a JSON object',
    ],
  ])('that it is %s', async (_, answer, expected) => {
    expect(await sentence(answer)).toBe(expected);
  });
});

describe('about the network', () => {
  const unreachable = async (jwksUri: string, fetch?: typeof globalThis.fetch) => {
    const events: JwksEvent[] = [];
    const guard = createGuard({
      issuer,
      audience,
      jwksUri,
      onJwks: (event) => void events.push(event),
      ...(fetch && { fetch }),
    });
    await expect(guard.ready()).rejects.toMatchObject({ code: 'ERR_JWKS_UNREACHABLE' });
    await settle();
    return events.map((event) => ('detail' in event ? event.detail : event.kind));
  };

  test('that nothing listens', async () => {
    const { origin, stop } = await openHost();
    await stop();
    expect(await unreachable(`${origin}/jwks`)).toEqual([
      `${origin}/jwks could not be reached (ECONNREFUSED: nothing listens there)`,
    ]);
  });

  test.each([
    ['ENOTFOUND', 'ENOTFOUND: its host name does not resolve'],
    ['CERT_HAS_EXPIRED', 'CERT_HAS_EXPIRED: its certificate has expired'],
    ['ESOMETHING', 'ESOMETHING'],
  ])('the code %s, from within its causes', async (code, said) => {
    const cause = new AggregateError([Object.assign(new Error('deep'), { code })]);
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    expect(await unreachable('https://a.test/jwks', fetch)).toEqual([
      `https://a.test/jwks could not be reached (${said})`,
    ]);
  });

  test.each([['a b'], [`A${'B'.repeat(99)}`], [42], [{}]])('no code like %j', async (code) => {
    const error: Error & { cause?: unknown } = Object.assign(new TypeError('failed'), { code });
    error.cause = error;
    expect(await unreachable('https://a.test/jwks', () => Promise.reject(error))).toEqual([
      'https://a.test/jwks could not be reached',
    ]);
  });

  test('what is wrong with TLS', async () => {
    const server = createServer({}, () => {});
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const [said] = await unreachable(`https://127.0.0.1:${port}/jwks`);
    expect(said).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/jwks could not be reached \([A-Z_\d]+\)$/);
  });
});

describe('about a token whose key is not used', async () => {
  const key = await keyFor('ES256');
  const beside = named(await keyFor('ES384'), 'beside');
  const detail = async (keys: unknown[], header: object = {}) => {
    const decision = await guardFor(keys)(bearing(mint(key, { header })));
    if (decision.allowed || !(decision.error instanceof AuthError)) throw new Error('not refused');
    expect(JSON.stringify([decision.error, decision.denial])).not.toContain('key set');
    return decision.error.detail;
  };
  const nameless = { kid: undefined };

  test.each<[string, unknown, string]>([
    ['for encryption', { ...key.jwk, use: 'enc' }, 'its use is "enc", not "sig"'],
    ['of another tenant', { ...key.jwk, issuer: 'x' }, 'it is for tokens of the issuer "x"'],
    [
      'that leaked',
      { ...key.jwk, d: 'AA' },
      'it is published with its private part, so anyone can sign with it: replace it',
    ],
    ['that is broken', { ...key.jwk, y: 'AA' }, 'it is not a valid EC public key'],
    [
      'of another kty',
      { kid: 'ES256', kty: 'AKP' },
      'its kty is "AKP": RSA, EC and OKP are supported',
    ],
    [
      'that is small',
      { kid: 'ES256', kty: 'RSA', e: 'AQAB', n: Buffer.alloc(128, 0xff).toString('base64url') },
      'RSA modulus of 1024 bits',
    ],
  ])('that the key is one %s', async (_, jwk, why) => {
    expect(await detail([jwk, beside.jwk])).toBe(
      `kid "ES256" is in the key set but was skipped: ${why}`,
    );
  });

  test('which keys there are', async () => {
    expect(await detail([beside.jwk, { kty: 'oct' }])).toBe(
      'kid "ES256" is not in the key set, which has kid "beside", and 1 that cannot be used',
    );
    expect(await detail([beside.jwk], { kid: `\r\n${'k'.repeat(300)}` })).toBe(
      `kid "${'k'.repeat(128)}" is not in the key set, which has kid "beside"`,
    );
    expect(await detail([{ ...beside.jwk, x5t: 'b' }], { kid: undefined, x5t: 'a' })).toBe(
      'x5t "a" is not in the key set, which has kid "beside"',
    );
  });

  test('that none fits, and which would have', async () => {
    expect(await detail([{ ...key.jwk, use: 'enc' }, beside.jwk], nameless)).toBe(
      'a token without kid needs a key for ES256, and the key set has P-384, alg "ES384"; skipped: kid "ES256": its use is "enc", not "sig"',
    );
  });

  test('that several fit', async () => {
    const other = await keyFor('ES256', 'other');
    expect(await detail([key.jwk, other.jwk], nameless)).toBe(
      'a token without kid: several keys of the key set could have signed it',
    );
  });
});

describe('at startup', () => {
  const make = (options: object) => () => createGuard({ audience, now, ...options } as never);

  test.each([
    'https://a.test/.well-known/openid-configuration',
    'https://a.test/t/.well-known/openid-configuration',
    'https://a.test/.well-known/oauth-authorization-server',
    'https://a.test/.well-known/oauth-authorization-server/t',
  ])('that %s is no issuer, and probably which is', (name) => {
    const probably = name.includes('/t') ? 'https://a.test/t' : 'https://a.test';
    expect(make({ issuer: name })).toThrow(ConfigError);
    expect(make({ issuer: name })).toThrow(`probably "${probably}"`);
  });

  test.each(['https://login.test/{tenantid}/v2.0', 'https://a.test/{', 'a}', 'urn:{x}'])(
    'that %s has a placeholder in it',
    (name) => {
      expect(make({ issuer: name, jwksUri: 'https://a.test/jwks' })).toThrow(/braces/);
    },
  );

  test('that jwksUri is a discovery document', () => {
    const jwksUri = 'https://a.test/.well-known/openid-configuration';
    expect(make({ issuer, jwksUri })).toThrow(
      /must be the address of a JWK Set, not of a discovery document; got .*Leave jwksUri out/,
    );
    expect(make({ issuer, jwksUri: `${jwksUri}/jwks` })).not.toThrow();
  });
});
