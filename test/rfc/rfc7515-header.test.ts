import { describe, expect, test } from 'vitest';
import { bearing, judge, verdict } from './ask.js';
import { claimsOf, guardFor, headerOf, keyFor, mint, signText } from './mint.js';

const key = await keyFor('ES256');
const guard = guardFor([key.jwk]);
const header = headerOf(key);
const headerText = JSON.stringify(header);
const payload = JSON.stringify(claimsOf());

const withHeader = (text: string | Uint8Array) => judge(guard, signText(text, payload, key));
const withMember = (member: string) => withHeader(`${headerText.slice(0, -1)},${member}}`);

describe('RFC 7515 §5.2, a JSON object in UTF-8', () => {
  test.each([
    'null',
    '[]',
    '"text"',
    '1',
    'true',
    '',
    ' ',
    '{',
    '{}{}',
    '[{"alg":"ES256"}]',
    "{'a':1}",
  ])('RFC 7515 §5.2 [J04]: a header that is %s MUST be refused', async (text) => {
    expect(await withHeader(text)).toBe('ERR_TOKEN_MALFORMED');
  });

  test.each([
    ['a byte that is none', [0xff]],
    ['an overlong form', [0xc1, 0xa1]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['an end too early', [0xe2, 0x82]],
  ])('RFC 7515 §5.2 [J04]: UTF-8 with %s MUST be refused', async (_, bytes) => {
    const start = Buffer.from(`${headerText.slice(0, -1)},"a":"`);
    const text = Buffer.concat([start, Buffer.from(bytes), Buffer.from('"}')]);
    expect(await withHeader(text)).toBe('ERR_TOKEN_MALFORMED');
  });

  test.each([
    ['a byte order mark', Buffer.from(`\ufeff${headerText}`)],
    ['UTF-16', Buffer.from(headerText, 'utf16le')],
    ['Latin-1', Buffer.from(`${headerText.slice(0, -1)},"a":"é"}`, 'latin1')],
    ['a comment', Buffer.from(`/**/${headerText}`)],
    ['a comma too many', Buffer.from(`${headerText.slice(0, -1)},}`)],
    ['NUL after it', Buffer.from(`${headerText}\0`)],
  ])('RFC 7515 §5.2 [J04]: %s MUST be refused', async (_, text) => {
    expect(await withHeader(text)).toBe('ERR_TOKEN_MALFORMED');
  });

  test('RFC 7515 §3: white space and any other text are fine', async () => {
    expect(await withHeader(` \t\r\n${headerText}\n`)).toBe('allowed');
    expect(await withMember('"a":"é€\u{1f511}\ufeff\\u0000"')).toBe('allowed');
  });
});

describe('RFC 7515 §4, each name once', () => {
  test.each([
    '"alg":"ES256"',
    '"alg":"none"',
    '"kid":"ES256"',
    '"a":1,"a":1',
    '"a":{"b":1,"b":2}',
    '"a":[{"b":1,"b":2}]',
    '"\\u0061lg":"ES256"',
    '"a\\u0062":1,"ab":2',
    '"a\\"b":1,"a\\u0022b":2',
    '"":1,"":2',
    '"a" \t\r\n:1,"a":2',
  ])('RFC 7515 §4 [J05]: a name twice, as in %s, MUST be refused', async (member) => {
    expect(await withMember(member)).toBe('ERR_TOKEN_MALFORMED');
  });

  test.each([
    '"__proto__":{"alg":"none"}',
    '"__proto__":null',
    '"\\u005f_proto__":{}',
    '"\\u005F\\u005Fproto\\u005f_":{}',
    '"a":{"__proto__":1}',
    '"a":[[{"__proto__":1}]]',
  ])('RFC 7515 §4 [J05]: %s reads in two ways, so it MUST be refused', async (member) => {
    expect(await withMember(member)).toBe('ERR_TOKEN_MALFORMED');
  });

  test.each([
    '"a":"\\"alg\\":1"',
    '"a":{"alg":1},"b":{"alg":2}',
    '"a":[{"b":1},{"b":2}]',
    '"a":"{\\"b\\":1,\\"b\\":2}"',
    '"a":"\\\\","b":":"',
    '"a":["x","x",":"]',
    '"proto":1,"constructor":2,"prototype":3,"toString":4',
    '"a":"__proto__"',
  ])('RFC 7515 §4 [J05] [J19]: %s has each name once, and is ignored', async (member) => {
    expect(await withMember(member)).toBe('allowed');
  });
});

describe('RFC 7515 §4.1.1, alg', () => {
  test.each([
    ...[null, true, 1, 256, [], ['ES256'], ['none'], {}, { alg: 'ES256' }],
    ...['', 'es256', 'Es256', ' ES256', 'ES256 ', 'ES256\0', 'ES256,none', 'ES2567'],
    ...['none', 'None', 'NONE', 'nOnE', 'HS256', 'HS384', 'HS512', 'ES256K', 'Ed448', 'ES'],
    ...['RSA-OAEP', 'dir', 'ECDH-ES', 'RSA1_5', 'A128KW', 'PBES2-HS256+A128KW'],
    ...['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'],
  ])('RFC 7515 §4.1.1 [J06]: alg %j MUST be refused', async (alg) => {
    expect(await judge(guard, mint(key, { header: { alg } }))).toBe('ERR_TOKEN_ALGORITHM');
  });
});

describe('RFC 7515 §4.1, the rest of the header', () => {
  test.each([
    ...[[], ['exp'], ['alg'], ['b64'], ['unknown', 'unknown'], [1], [''], null, '', 'exp'],
    ...[true, false, 0, {}],
  ])('RFC 7515 §4.1.11 [J08]: crit %j MUST be refused', async (crit) => {
    const more = { crit, exp: 1, unknown: 1 };
    expect(await judge(guard, mint(key, { header: more }))).toBe('ERR_TOKEN_CRITICAL');
  });

  test.each([false, true, null, 'false', 0])(
    'RFC 7797 §7 [J09]: b64 %j MUST be refused',
    async (b64) => {
      expect(await judge(guard, mint(key, { header: { b64 } }))).toBe('ERR_TOKEN_CRITICAL');
      const critical = mint(key, { header: { b64, crit: ['b64'] } });
      expect(await judge(guard, critical)).toBe('ERR_TOKEN_CRITICAL');
    },
  );

  test('RFC 7515 §4.1.2 [J10]: keys and addresses in a token MUST NOT be trusted or fetched', async () => {
    const own = await keyFor('ES256', 'other');
    const fetched: string[] = [];
    const watched = guardFor([], {
      fetch: async (url) => {
        fetched.push(String(url));
        return Response.json({ keys: [key.jwk] });
      },
    });
    const url = 'https://evil.test/jwks';
    const more = { kid: key.kid, jwk: own.jwk, jku: url, x5u: url, x5t: 'a', x5c: ['a'] };
    expect(await judge(watched, mint(own, { header: more }))).toBe('ERR_TOKEN_SIGNATURE');
    expect(fetched).toEqual(['https://issuer.test/jwks']);
  });

  test.each([
    { cty: 'json' },
    { zip: 'DEF' },
    { enc: 'A128GCM' },
    { 'x5t#S256': 'a', x5t: 1 },
    { jwk: null, jku: [], x5c: 'a', x5u: {} },
    { unknown: { deep: [null] }, '': '' },
    { typ: 'at+jwt', TYP: 'dpop+jwt', ALG: 'none', Kid: 'other', CRIT: ['a'], B64: false },
  ])('RFC 7515 §4 [J19]: %j MUST be ignored', async (more) => {
    expect(await judge(guard, mint(key, { header: more }))).toBe('allowed');
  });
});

describe('RFC 7515 §4.1.9, typ', () => {
  const lists = {
    'at+jwt alone': { typ: ['at+jwt'], taken: ['at+jwt', 'AT+JWT', 'application/at+jwt'] },
    'with application/': { typ: ['application/at+JWT'], taken: ['at+jwt', 'APPLICATION/AT+jwt'] },
    'JWT alone': { typ: ['JWT'], taken: ['JWT', 'jwt', 'Jwt', 'application/jwt'] },
    'an absent one alone': { typ: [undefined], taken: [undefined] },
    'two of them': { typ: ['JWT', undefined], taken: ['jwt', undefined] },
    'one of our own': { typ: ['x+jwt'], taken: ['X+jwt', 'application/x+jwt'] },
  };
  const all = ['at+jwt', 'JWT', 'x+jwt', undefined, '', ' ', 'at+jwt ', 'at', 'a', 'text/at+jwt'];
  const never = ['application/application/at+jwt', 'application/', 'application/undefined'];
  const odd = ['undefined', null, true, 1, [], ['at+jwt'], {}];

  test.each(Object.entries(lists))(
    'RFC 7515 §4.1.9: %s MUST be taken in any case, with or without application/',
    async (_, { typ: accepted, taken }) => {
      const picky = guardFor([key.jwk], { typ: accepted });
      for (const typ of taken) {
        expect([typ, await judge(picky, mint(key, { header: { typ } }))]).toEqual([typ, 'allowed']);
      }
    },
  );

  test.each(Object.entries(lists))(
    'RFC 7515 §4.1.9: with %s, every other type MUST be refused',
    async (_, { typ: accepted, taken }) => {
      const picky = guardFor([key.jwk], { typ: accepted });
      const plain = new Set(taken.map((typ) => typ?.toLowerCase()));
      for (const typ of [...all, ...never, ...odd]) {
        if (typ === undefined || typeof typ === 'string') {
          if (plain.has(typ?.toLowerCase())) continue;
        }
        const decision = await picky(bearing(mint(key, { header: { typ } })));
        expect([typ, verdict(decision)]).toEqual([typ, 'ERR_TOKEN_TYPE']);
      }
    },
  );
});
