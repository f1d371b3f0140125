import { describe, expect, test } from 'vitest';
import { toGuardRequest } from '../../src/adapters/node-request.js';
import { codes } from '../../src/core/base/errors.js';
import { bearing, judge, refuse, requestOf, sending, verdict } from './ask.js';
import { bearerParameters } from './challenge-grammar.js';
import { audience, guardFor, keyFor, mint } from './mint.js';
import { answerTo, gone, prepare, refusals } from './refusals.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');
const guard = guardFor([key.jwk]);
const token = mint(key);

const everyByte = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
const b64tokenCharacters = everyByte.filter((one) => /[A-Za-z0-9\-._~+/]/.test(one));
const others = everyByte.filter((one) => !b64tokenCharacters.includes(one));

describe('RFC 6750 §2.1, the header', () => {
  test('RFC 6750 §2.1 [B01]: a token after Bearer MUST be accepted', async () => {
    expect(verdict(await guard(sending(`Bearer ${token}`)))).toBe('allowed');
  });

  test.each([1, 2, 7])('RFC 6750 §2.1 [B03]: %i SP MUST be accepted', async (count) => {
    expect(verdict(await guard(sending(`Bearer${' '.repeat(count)}${token}`)))).toBe('allowed');
  });

  test.each([
    ['HTAB', '\t'],
    ['SP HTAB', ' \t'],
    ['HTAB SP', '\t '],
    ['NBSP', '\u00a0'],
    ['VT', '\v'],
    ['FF', '\f'],
    ['CR LF SP', '\r\n '],
    ['nothing', ''],
    ['a colon', ': '],
  ])('RFC 6750 §2.1 [B03]: %s instead of SP MUST be refused', async (_, between) => {
    const decision = await guard(sending(`Bearer${between}${token}`));
    // With nothing between, it is one word, dots and all: the name of a scheme that nobody knows.
    expect(verdict(decision)).toBe(
      between === '' ? 'ERR_CREDENTIAL_MISSING' : 'ERR_HEADER_MALFORMED',
    );
  });

  test('RFC 6750 §2.1 [B04]: every b64token character MUST be taken', async () => {
    expect(b64tokenCharacters).toHaveLength(68);
    for (const one of b64tokenCharacters) {
      const code = await judge(guard, `abc${one}def`);
      expect({ one, code }).toEqual({ one, code: 'ERR_TOKEN_NOT_JWT' });
    }
  });

  test('RFC 6750 §2.1 [B04]: any other character MUST be refused with 400', async () => {
    for (const one of others) {
      const { status, body } = await refuse(guard, bearing(`${token}${one}abc`));
      expect({ one, status, error: body.error }).toEqual({
        one,
        status: 400,
        error: 'invalid_request',
      });
    }
  });

  // A decoder that looks at the lower byte alone takes these for letters.
  test.each(['\u0141', '\u012b', '\u2041', '\uff41'])(
    'RFC 6750 §2.1 [B04]: %j MUST NOT be taken for another character',
    async (one) => {
      const { status, body } = await refuse(guard, bearing(`ab${one}d`));
      expect([status, body.error]).toEqual([400, 'invalid_request']);
    },
  );

  test.each(['=', '==', '=====', '='.repeat(100)])(
    'RFC 6750 §2.1 [B04]: padding %s at the end is b64token, and no JWT',
    async (padding) => {
      expect(await judge(guard, token + padding)).toBe('ERR_TOKEN_MALFORMED');
    },
  );

  test.each(['', ' ', '   '])(
    'RFC 6750 §3.1: Bearer with %j after it is 401 without an error',
    async (nothing) => {
      const decision = await guard(sending(`Bearer${nothing}`));
      expect(verdict(decision)).toBe('ERR_CREDENTIAL_MISSING');
      expect(JSON.stringify(decision)).not.toContain('error=');
    },
  );

  test.each(['=', '=='])(
    'RFC 6750 §2.1 [B04]: "%s" instead of a token MUST be refused with 400',
    async (nothing) => {
      expect(await judge(guard, nothing)).toBe('ERR_HEADER_MALFORMED');
    },
  );
});

describe('RFC 6750 §2, other places', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'get', 'BREW'])(
    'RFC 6750 §2.2 [B14] [B11]: a token in the form of a %s MUST be 400, whatever the header says',
    async (method) => {
      for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
        const request = requestOf(headers, { method, formToken: true });
        const { status, body } = await refuse(guard, request);
        expect([status, body.error, body.code]).toEqual([
          400,
          'invalid_request',
          'ERR_TOKEN_IN_FORM',
        ]);
      }
    },
  );

  test.each([
    ['application/x-www-form-urlencoded', { access_token: 'a' }, true],
    ['APPLICATION/X-WWW-FORM-URLENCODED; charset=utf-8', { access_token: '' }, true],
    ['application/x-www-form-urlencoded', { access_token: ['a', 'b'] }, true],
    ['application/x-www-form-urlencoded', Object.create({ access_token: 'a' }), false],
    ['application/x-www-form-urlencoded', { access_tokens: 'a' }, false],
    ['application/x-www-form-urlencoded', 'access_token=a', false],
    ['application/x-www-form-urlencoded', null, false],
    ['application/json', { access_token: 'a' }, false],
    ['multipart/form-data; boundary=a', { access_token: 'a' }, false],
    ['text/plain, application/x-www-form-urlencoded', { access_token: 'a' }, false],
  ])('RFC 6750 §2.2 [B14]: %s with %j is a token in the form: %s', (type, body, expected) => {
    const rawHeaders = ['Content-Type', type];
    const headers = { 'content-type': type };
    const node = { source: {}, method: 'POST', url: '/', params: {}, body };
    const request = { ...node, headers, rawHeaders };
    expect(toGuardRequest(request).formToken).toBe(expected);
  });

  test.each([
    '?access_token=',
    '?access_token',
    '?a=b&access_token=c',
    '??&access_token=c',
    '?access_token=a&access_token=b',
    '?access_token[]=a',
    '?access_token[a]=b',
    '?[access_token]=a',
    '?%61ccess%5Ftoken=a',
    '?access_token%5B0%5D=a',
    '/path?x=1&access_token=a#fragment',
  ])('RFC 6750 §2.3 [B11] [B15]: a token in the query %s MUST be 400, uncached', async (url) => {
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      const { status, headers: told, body } = await refuse(guard, requestOf(headers, { url }));
      expect([status, body.code]).toEqual([400, 'ERR_TOKEN_IN_QUERY']);
      expect(told['Cache-Control']).toBe('no-store');
    }
  });

  test.each([
    '/access_token=a',
    '/?xaccess_token=a',
    '/?access_tokens=a',
    '/?q=access_token',
    '/?q=%26access_token=a',
    '/?token=a',
    '/?%00access_token=a',
  ])('RFC 6750 §2.3: %s is the application’s own', async (url) => {
    expect(verdict(await guard(bearing(token, { url })))).toBe('allowed');
  });

  test('RFC 6750 §2 [B18]: no header but Authorization is ever asked for', async () => {
    const asked: string[] = [];
    const header = (name: string) => {
      asked.push(name);
      return name === 'authorization' ? undefined : `Bearer ${token}`;
    };
    const { status, body } = await refuse(guard, { method: 'GET', url: '/', header });
    expect([status, body.code]).toEqual([401, 'ERR_CREDENTIAL_MISSING']);
    expect(asked).toEqual(['authorization']);
  });
});

describe.each(refusals)('RFC 6750 §3, the challenge of $code', (refusal) => {
  const { told, status, error, challenged } = answerTo(refusal.code);

  test('RFC 6750 §3.1 [B09] [B10] [B12] [B13]: status and error SHOULD be what the fault is', async () => {
    const { guard, request, requirements } = prepare(refusal, key, stranger);
    const denial = await refuse(guard, request, requirements);
    expect([denial.body.code, denial.status, denial.body.error]).toEqual([told, status, error]);
  });

  test('RFC 6750 §3 [B05] [B06] [B07] [B08]: the challenge MUST be well-formed, or not there', async () => {
    const { guard, request, requirements } = prepare(refusal, key, stranger);
    const { headers, body } = await refuse(guard, request, requirements);
    if (!challenged) return expect(headers).not.toHaveProperty('WWW-Authenticate');
    expect(bearerParameters(headers['WWW-Authenticate'])).toEqual({
      realm: audience,
      ...(error && { error, error_description: body.detail }),
      ...(requirements?.scopes && { scope: 'a b' }),
    });
  });
});

describe.each(gone)('RFC 6750 §3.1, $code where keys are gone', (refusal) => {
  test('RFC 6750 §3.1: 410 is no refusal of a token, and has no challenge to loop on', async () => {
    const { guard, request, requirements } = prepare(refusal, key, stranger);
    const { status, headers, body } = await refuse(guard, request, requirements);
    expect([status, body.status, body.code]).toEqual([410, 410, 'ERR_API_KEY_RETIRED']);
    expect(body).not.toHaveProperty('error');
    expect(headers).not.toHaveProperty('WWW-Authenticate');
  });
});

describe('RFC 6750 §3, what the challenge says', () => {
  test('the table of refusals has every code but the one that only stands in for others', () => {
    const all = Object.keys(codes).filter((code) => code !== 'ERR_TEMPORARILY_UNAVAILABLE');
    expect(refusals.map(({ code }) => code).sort()).toEqual(all.sort());
  });

  test.each([
    ['a realm of words', 'orders of test'],
    ['quotes and backslashes', 'a "b" \\ "\\" c\\'],
    ['what looks like a parameter', 'a", error="b'],
    ['every printable character', everyByte.filter((one) => /[ -~]/.test(one)).join('')],
  ])('RFC 6750 §3 [B07]: %s MUST come back from the challenge as it was', async (_, realm) => {
    const { headers } = await refuse(guardFor([key.jwk], { realm }), requestOf({}));
    expect(bearerParameters(headers['WWW-Authenticate'])).toEqual({ realm });
  });

  test('RFC 6750 §3: without a realm of its own it is the first audience', async () => {
    const two = guardFor([key.jwk], { audience: ['urn:first', audience] });
    const { headers } = await refuse(two, requestOf({}));
    expect(bearerParameters(headers['WWW-Authenticate'])).toEqual({ realm: 'urn:first' });
  });

  test('RFC 6750 §3 [B08]: every scope character MUST come through', async () => {
    const scope = everyByte.filter((one) => /[!#-+\--[\]-~]/.test(one)).join('');
    const { headers } = await refuse(guard, requestOf({}), { scopes: [scope, 'b'] });
    expect(bearerParameters(headers['WWW-Authenticate']).scope).toBe(`${scope} b`);
  });

  test('RFC 6750 §3 [B07]: a scope that is asked for twice stands once', async () => {
    const requirements = { scopes: ['a', 'b', 'a'], anyScope: ['b', 'c'] };
    const { headers } = await refuse(guard, requestOf({}), requirements);
    expect(bearerParameters(headers['WWW-Authenticate']).scope).toBe('a b');
  });
});
