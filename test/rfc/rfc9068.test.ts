import { describe, expect, test } from 'vitest';
import { bearing, judge, refuse, verdict } from './ask.js';
import { bearerParameters } from './challenge-grammar.js';
import { audience, guardFor, headerOf, issuer, keyFor, mint, seconds, signInput } from './mint.js';

const key = await keyFor('ES256');
const strict = guardFor([key.jwk], { typ: ['at+jwt'] });
const lenient = guardFor([key.jwk]);

describe('RFC 9068 §4, the header', () => {
  test.each(['at+jwt', 'AT+JWT', 'At+Jwt', 'application/at+jwt', 'APPLICATION/AT+JWT'])(
    'RFC 9068 §4 [T01]: typ %s MUST be accepted',
    async (typ) => {
      expect(await judge(strict, mint(key, { header: { typ } }))).toBe('allowed');
    },
  );

  test.each(['JWT', 'jwt', 'at-jwt', 'at+jwt;q=1', 'at+JWT ', '', null, undefined, ['at+jwt'], 1])(
    'RFC 9068 §4 [T01]: typ %j MUST be refused',
    async (typ) => {
      expect(await judge(strict, mint(key, { header: { typ } }))).toBe('ERR_TOKEN_TYPE');
    },
  );

  test.each(['none', 'None', 'NONE', 'nOnE'])(
    'RFC 9068 §4 [T02]: alg %s MUST be refused, signed or not',
    async (alg) => {
      const [head, body] = mint(key, { header: { alg } }).split('.');
      expect(await judge(strict, mint(key, { header: { alg } }))).toBe('ERR_TOKEN_ALGORITHM');
      expect(await judge(strict, `${head}.${body}.AAAA`)).toBe('ERR_TOKEN_ALGORITHM');
      expect(await judge(strict, `${head}.${body}.`)).toBe('ERR_TOKEN_MALFORMED');
    },
  );
});

describe('RFC 9068 §2.2, the claims', () => {
  test.each([
    ['iss', 'ERR_TOKEN_ISSUER'],
    ['exp', 'ERR_TOKEN_TIME'],
    ['aud', 'ERR_TOKEN_AUDIENCE'],
    ['sub', 'ERR_TOKEN_CLAIMS'],
    ['client_id', 'ERR_TOKEN_CLAIMS'],
    ['iat', 'ERR_TOKEN_CLAIMS'],
    ['jti', 'ERR_TOKEN_CLAIMS'],
  ])('RFC 9068 §2.2 [T06]: %s is REQUIRED', async (name, code) => {
    expect(await judge(strict, mint(key, { claims: { [name]: undefined } }))).toBe(code);
  });

  test.each(['sub', 'client_id', 'jti'])('RFC 9068 §2.2 [T06]: %s MUST be a text', async (name) => {
    for (const value of [null, 1, true, [], ['a'], {}]) {
      const token = mint(key, { claims: { [name]: value } });
      expect([value, await judge(strict, token)]).toEqual([value, 'ERR_TOKEN_CLAIMS']);
    }
  });

  test.each(['sub', 'client_id', 'iat', 'jti'])(
    'RFC 9068 §2.2: without the profile, %s may be missing',
    async (name) => {
      expect(await judge(lenient, mint(key, { claims: { [name]: undefined } }))).toBe('allowed');
    },
  );

  test.each([
    [['at+jwt', 'JWT'], 'allowed'],
    [['at+jwt', undefined], 'allowed'],
    [['JWT'], 'ERR_TOKEN_TYPE'],
    [['application/AT+JWT'], 'ERR_TOKEN_CLAIMS'],
    [['at+jwt', 'AT+jwt'], 'ERR_TOKEN_CLAIMS'],
  ])('RFC 9068 §2.2: types %j ask for the profile only if at+jwt is alone', async (types, code) => {
    const guard = guardFor([key.jwk], { typ: types });
    expect(await judge(guard, mint(key, { claims: { jti: undefined } }))).toBe(code);
  });
});

describe('RFC 9068 §4, validation', () => {
  const faults = [
    ['T03', 'another issuer', { iss: 'https://other.test' }, 'ERR_TOKEN_ISSUER'],
    ['T03', 'the issuer with a slash', { iss: `${issuer}/` }, 'ERR_TOKEN_ISSUER'],
    ['T04', 'another audience', { aud: 'https://other.test' }, 'ERR_TOKEN_AUDIENCE'],
    ['T04', 'the client as audience', { aud: 'client_1' }, 'ERR_TOKEN_AUDIENCE'],
    ['T05', 'an exp that has come', { exp: seconds - 5 }, 'ERR_TOKEN_EXPIRED'],
  ] as const;

  test.each(faults)('RFC 9068 §4 [%s]: %s MUST be refused', async (_id, _title, claims, code) => {
    expect(await judge(strict, mint(key, { claims }))).toBe(code);
  });

  test.each(faults)(
    'RFC 9068 §4 [T07]: [%s] %s MUST be 401 invalid_token',
    async (_id, _, claims) => {
      const { status, headers } = await refuse(strict, bearing(mint(key, { claims })));
      expect(status).toBe(401);
      expect(bearerParameters(headers['WWW-Authenticate']).error).toBe('invalid_token');
    },
  );

  test('RFC 9068 §4 [T08]: an encrypted token MUST be refused, for none was agreed', async () => {
    const jwe = `${Buffer.from('{"alg":"dir","enc":"A128GCM"}').toString('base64url')}..a.b.c`;
    expect(await judge(strict, jwe)).toBe('ERR_TOKEN_ENCRYPTED');
    const signed = signInput(
      `${Buffer.from(JSON.stringify(headerOf(key))).toString('base64url')}.a.b.c`,
      key,
    );
    expect(await judge(strict, signed)).toBe('ERR_TOKEN_ENCRYPTED');
  });

  test('RFC 9068 §3 [T09]: without scope and with several audiences, no scope SHOULD be granted', async () => {
    const token = mint(key, { claims: { aud: [audience, 'https://other.test'] } });
    expect(await judge(strict, token)).toBe('allowed');
    expect(await judge(strict, token, { scopes: ['read'] })).toBe('ERR_SCOPE_MISSING');
  });

  test.each(['groups', 'roles', 'entitlements'])(
    'RFC 9068 §2.2.3.1 [T10]: %s are handed on, and grant no scope',
    async (name) => {
      const claims = { [name]: ['admin'] };
      const decision = await strict(bearing(mint(key, { claims })));
      expect(decision).toMatchObject({ allowed: true, principal: { claims } });
      const denied = await judge(strict, mint(key, { claims }), { scopes: ['admin'] });
      expect(denied).toBe('ERR_SCOPE_MISSING');
    },
  );

  test('RFC 9068 §2.2.1 [T11]: auth_time, acr and amr MUST come from the token alone', async () => {
    const claims = { auth_time: seconds, acr: 'gold', amr: ['pwd', 'otp'] };
    const header = (name: string) =>
      name === 'authorization' ? `Bearer ${mint(key, { claims })}` : 'platinum';
    const decision = await strict({ method: 'GET', url: '/?acr=platinum', header });
    expect(verdict(decision)).toBe('allowed');
    expect(decision).toMatchObject({ principal: { claims } });
  });
});
