import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/index.js';
import { bearing, refuse, requestOf, sending, verdict } from './ask.js';
import { bearerParameters, parseChallenges } from './challenge-grammar.js';
import { audience, guardFor, keyFor, mint } from './mint.js';
import { answerTo, gone, prepare, refusals } from './refusals.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');
const guard = guardFor([key.jwk]);
const token = mint(key);
const ask = async (authorization: string) => verdict(await guard(sending(authorization)));

describe('RFC 9110 §11.4, credentials', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
    'RFC 9110 §11.1 [B02]: the scheme %s MUST be Bearer',
    async (scheme) => {
      expect(await ask(`${scheme} ${token}`)).toBe('allowed');
    },
  );

  test.each(['Bearer2', 'xBearer', 'Bear', 'DPoP', 'Token', 'JWT', 'OAuth', "!#$%&'*+-.^_`|~0aZ"])(
    'RFC 9110 §11.1 [B09]: %s is another scheme, so no credential',
    async (scheme) => {
      const { status, headers } = await refuse(guard, sending(`${scheme} ${token}`));
      expect(status).toBe(401);
      expect(bearerParameters(headers['WWW-Authenticate'])).toEqual({ realm: audience });
    },
  );

  // RFC 9110 §5.6.2; the long s and the Kelvin sign fold to letters of ASCII.
  test.each([' ', '\t', ',', ', ', '"', '=', '(', '@a b', 'Béarer', 'Bearer/', '\u017f', '\u212a'])(
    'RFC 9110 §11.4: "%s" where a scheme has to be MUST be refused with 400',
    async (start) => {
      expect(await ask(`${start}${token}`)).toBe('ERR_HEADER_MALFORMED');
      expect(await ask(start)).toBe('ERR_HEADER_MALFORMED');
    },
  );

  test.each([
    'Basic dXNlcjpwYXNz',
    'Basic',
    'Basic dXNlcjpwYXNz==',
    'Digest username="Bearer abc", realm="x, Bearer abc", nonce=a',
    'Digest username="\\", Bearer abc", qop=auth',
    'Digest a=b,c=d ,e = f , g="h"',
    'Digest a=b,, ,c=d',
    'Negotiate abc==',
  ])('RFC 9110 §11.4 [B09]: "%s" is one credential, of another scheme', async (value) => {
    expect(await ask(value)).toBe('ERR_CREDENTIAL_MISSING');
  });
});

describe('RFC 9110 §11.6.2, one credential only', () => {
  test.each([
    ['after a comma', (good: string) => `Bearer ${good}, Bearer ${good}`],
    ['without white space', (good: string) => `Bearer ${good},Bearer ${good}`],
    ['with tabs', (good: string) => `Bearer ${good},\tBearer\t${good}`],
    ['with no token of its own', (good: string) => `Bearer ${good}, Bearer`],
    ['after another scheme', (good: string) => `Basic abc, Bearer ${good}`],
    ['before another scheme', (good: string) => `Bearer ${good}, Basic abc`],
    ['after parameters', (good: string) => `Digest a="b", c=d, Bearer ${good}`],
    ['after a quoted comma', (good: string) => `Digest a="b, c=\\"", bearer ${good}`],
    ['after empty elements', (good: string) => `Basic abc, , ,Bearer ${good}`],
    ['before a scheme that nobody knows', (good: string) => `Bearer ${good}, Unknown abc`],
    ['before a word', (good: string) => `Bearer ${good},abc`],
  ])('RFC 9110 §11.6.2 [B16] [B10]: a second one %s MUST be 400', async (_, header) => {
    expect(await ask(header(token))).toBe('ERR_HEADER_REPEATED');
  });

  test.each([
    ['empty, after it', (good: string) => `Bearer ${good}, `],
    ['empty, before it', (good: string) => `, Bearer ${good}`],
    ['of parameters', (good: string) => `Bearer ${good}, a=b`],
    ['of a quoted text', (good: string) => `Bearer ${good}, "Bearer"`],
  ])('RFC 9110 §5.3 [B16]: another field value %s MUST be 400', async (_, header) => {
    expect(await ask(header(token))).toBe('ERR_HEADER_MALFORMED');
  });

  test('RFC 9110 §5.6.4: a quoted string that never ends MUST be 400, whatever it swallows', async () => {
    expect(await ask(`Digest a="b, Bearer ${token}`)).toBe('ERR_HEADER_MALFORMED');
  });
});

describe('RFC 9110 §15, the answer', () => {
  test.each(['HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'QUERY'])(
    'RFC 9110 §9.3.2 [B19]: %s MUST get the status and the challenge that GET gets',
    async (method) => {
      for (const refusal of refusals) {
        const { guard, request, requirements } = prepare(refusal, key, stranger);
        const got = await refuse(guard, request, requirements);
        expect(await refuse(guard, { ...request, method }, requirements)).toEqual(got);
      }
      expect(verdict(await guard(bearing(token, { method })))).toBe('allowed');
    },
  );

  test.each([...refusals, ...gone])(
    'RFC 9110 §5.5: every header of $code MUST be a field value',
    async (one) => {
      const { guard, request, requirements } = prepare(one, key, stranger);
      const { headers } = await refuse(guard, request, requirements);
      for (const [name, value] of Object.entries(headers)) {
        expect(name).toMatch(/^[!#$%&'*+\-.^_`|~\w]+$/);
        expect(value).toMatch(/^[!-~]+(?:[ \t]+[!-~]+)*$/);
      }
    },
  );

  const unprintable = ['a\r\nX: y', 'a\nb', 'a\tb', 'a\0b', 'é', '€', '\u2028'];

  test.each(unprintable)(
    'RFC 9110 §5.5: a realm with %j in it MUST be refused at start-up',
    (text) => {
      expect(() => guardFor([key.jwk], { realm: text })).toThrow(ConfigError);
    },
  );

  test.each(unprintable)('RFC 9110 §5.5: a metadata URL with %j in it MUST NOT be sent', (text) => {
    const resourceMetadataUrl = `https://api.test/${text}`;
    expect(() => guardFor([key.jwk], { resourceMetadataUrl })).toThrow(ConfigError);
  });

  test.each(refusals)('RFC 9110 §10.2.3: $code says when to ask again, or not', async (one) => {
    const { guard, request, requirements } = prepare(one, key, stranger);
    const { headers } = await refuse(guard, request, requirements);
    expect(headers['Retry-After']).toBe(answerTo(one.code).retryAfter);
  });

  test.each([
    ['29.999', '1'],
    ['29.000', '1'],
    ['28.999', '2'],
    ['00.000', '30'],
  ])(
    'RFC 9110 §10.2.3: at :%s, a brownout until :30 MUST say whole seconds: %s',
    async (at, retryAfter) => {
      let time = Date.parse(`2030-01-01T00:00:${at}Z`);
      const [start, end] = ['2030-01-01T00:00:00Z', '2030-01-01T00:00:30Z'];
      const windowed = guardFor([], {
        now: () => time,
        apiKeys: {
          from: [{ header: 'x-api-key' }],
          lookup: async () => ({ id: 'key_1' }),
          plan: { brownouts: [{ start, end }] },
        },
      });
      const asked = requestOf({ 'x-api-key': 'key' });
      const { headers } = await refuse(windowed, asked);
      expect(headers['Retry-After']).toBe(retryAfter);
      time += Number(retryAfter) * 1000;
      expect(verdict(await windowed(asked))).toBe('allowed');
    },
  );

  test('RFC 9110 §10.2.3: Retry-After MUST be whole seconds', async () => {
    const down = guardFor([], {
      fetch: async () => new Response('', { status: 500 }),
      jwks: { cooldown: 3.5 },
    });
    const answers = [await refuse(down, bearing(token)), await refuse(down, bearing(token))];
    expect(answers.map(({ headers }) => headers['Retry-After'])).toEqual(['1', '1']);
  });

  test('RFC 9110 §15.5.2 [B05]: 401 MUST carry a challenge, also with every option set', async () => {
    const resourceMetadataUrl = 'https://api.test/.well-known/oauth-protected-resource?a="b"\\';
    const full = guardFor([key.jwk], { realm: 'a "b"', resourceMetadataUrl });
    const { headers } = await refuse(full, requestOf({}), { scopes: ['a'], anyScope: ['b'] });
    expect(bearerParameters(headers['WWW-Authenticate'])).toEqual({
      realm: 'a "b"',
      scope: 'a b',
      resource_metadata: resourceMetadataUrl,
    });
  });
});

describe('RFC 9110 §11.6.1, a challenge among others', () => {
  test('RFC 9110 §11.6.1 [B17]: ours MUST be readable when a proxy joins another to it', async () => {
    const { headers } = await refuse(guard, bearing('abc'));
    const ours = headers['WWW-Authenticate'];
    for (const field of [`Basic realm="x", ${ours}`, `${ours}, Basic realm="x"`]) {
      const found = parseChallenges(field).map(({ scheme }) => scheme);
      expect(found.sort()).toEqual(['Basic', 'Bearer']);
    }
  });

  test.each([
    'Bearer realm="a" , Bearer',
    'Bearer realm="a", realm="b"',
    'Bearer realm="a", REALM=b',
    'Bearer realm="a',
    'Bearer realm="a"b"',
    'Bearer realm=',
    'Bearer',
    'realm="a"',
    'Bearer realm="é"',
    'Bearer realm="a",',
  ])('RFC 9110 §11.6.1: the parser of these tests refuses %s', (field) => {
    expect(() => bearerParameters(field)).toThrow(SyntaxError);
  });

  test('RFC 6750 §3: and it refuses characters that a parameter MUST NOT have', () => {
    for (const parameter of ['scope="a  b"', 'scope="a\\"b"', 'error_description="a\\"b"']) {
      expect(() => bearerParameters(`Bearer ${parameter}`)).toThrow(SyntaxError);
    }
  });
});
