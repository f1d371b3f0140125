import { describe, expect, test } from 'vitest';
import { createTestKey } from '../../src/testing/token.js';
import { judge } from './ask.js';
import {
  audience,
  claimsOf,
  encode,
  guardFor,
  headerOf,
  issuer,
  keyFor,
  mint,
  now,
  seconds,
  signText,
} from './mint.js';

const key = await keyFor('ES256');
const guard = guardFor([key.jwk]);
const header = JSON.stringify(headerOf(key));
const good = JSON.stringify(claimsOf());

const withPayload = (text: string | Uint8Array) => judge(guard, signText(header, text, key));
const withMember = (member: string) => withPayload(`${good.slice(0, -1)},${member}}`);
/** A claim as it is written in JSON, be it a value of JavaScript or not. */
const withClaim = (name: string, json: string) =>
  withPayload(JSON.stringify(claimsOf({ [name]: '@' })).replace('"@"', json));

describe('RFC 7519 §7.2, the claims set', () => {
  test.each([
    'null',
    '[]',
    '"text"',
    '1',
    'true',
    ' ',
    '{',
    '{}{}',
    `[${good}]`,
    JSON.stringify(good),
  ])('RFC 7519 §7.2 [J04]: a payload that is %s MUST be refused', async (text) => {
    expect(await withPayload(text)).toBe('ERR_TOKEN_MALFORMED');
  });

  test.each([
    ['a byte order mark', Buffer.from(`\ufeff${good}`)],
    ['UTF-16', Buffer.from(good, 'utf16le')],
    ['Latin-1', Buffer.from(`${good.slice(0, -1)},"a":"é"}`, 'latin1')],
    ['an overlong form', Buffer.concat([Buffer.from(good), Buffer.from([0xc0, 0xa0])])],
    ['NUL after it', Buffer.from(`${good}\0`)],
    ['NaN', Buffer.from(good.replace(/"exp":\d+/, '"exp":NaN'))],
    ['a hexadecimal number', Buffer.from(good.replace(/"exp":\d+/, '"exp":0xffffffff'))],
    ['a number with a plus', Buffer.from(good.replace(/"exp":/, '"exp":+'))],
  ])('RFC 7519 §7.2 [J04]: %s MUST be refused', async (_, text) => {
    expect(await withPayload(text)).toBe('ERR_TOKEN_MALFORMED');
  });

  test('RFC 7519 §3: white space and any other text are fine', async () => {
    expect(await withPayload(`\r\n\t ${good} \n`)).toBe('allowed');
    expect(await withMember('"a":"é€\u{1f511}\\ud800","b":-0.0e-0,"c":1e400')).toBe('allowed');
  });

  test.each([
    `"aud":"${audience}"`,
    '"exp":1',
    '"a\\u0075d":"https://other.test"',
    '"scope":"a","scope":"b"',
    '"a":{"b":{"c":1,"c":1}}',
    '"__proto__":{"scope":"admin"}',
    '"a":[{"\\u005f_proto__":{}}]',
  ])(
    'RFC 7519 §4 [J05]: %s is a name twice, or can be read in two ways: MUST be refused',
    async (member) => {
      expect(await withMember(member)).toBe('ERR_TOKEN_MALFORMED');
    },
  );

  test('RFC 7519 §4: a claim that is not understood MUST be ignored', async () => {
    const claims = { sid: 'a', azp: 'b', 'https://x.test/y': [{}], EXP: 1, Aud: 'x', Cnf: {} };
    expect(await judge(guard, mint(key, { claims }))).toBe('allowed');
  });

  test.each([
    [16_383, 'allowed'],
    [16_384, 'allowed'],
    [16_385, 'ERR_TOKEN_TOO_LARGE'],
  ])('RFC 7519 §7.2: a good token of exactly %i characters is %s', async (length, code) => {
    const token = tokenOf(length);
    expect(token).toHaveLength(length);
    expect(await judge(guard, token)).toBe(code);
  });
});

/** A good token of this length: white space is JSON, too. */
function tokenOf(length: number): string {
  // No segment has 4n + 1 characters, so that the header may have to be a little longer.
  const heads = [header, `${header} `, `${header}  `];
  const tokens = heads.map((head) => {
    const room = length - encode(head).length - '..'.length - 86;
    return signText(head, good.padEnd(Math.floor((room * 3) / 4)), key);
  });
  return tokens.find((token) => token.length === length) ?? '';
}

const noTimes = ['null', 'true', 'false', '"1893456300"', '""', '[]', '[1893456300]', '{}'];
const wildTimes = ['1e400', '-1e400', '1e308', '1e11', '-1e11', '100000000000.5', '1893456300000'];

describe.each(['exp', 'nbf', 'iat'])('RFC 7519 §4.1, %s', (name) => {
  test.each(noTimes)(
    `RFC 7519 §2 [J20]: ${name} MUST be a number, so %s MUST be refused`,
    async (json) => {
      expect(await withClaim(name, json)).toBe('ERR_TOKEN_TIME');
    },
  );

  test.each(wildTimes)(
    `RFC 7519 §2 [J20]: ${name} is no plausible number of seconds as %s: refused`,
    async (json) => {
      expect(await withClaim(name, json)).toBe('ERR_TOKEN_TIME');
    },
  );

  test(`RFC 7519 §4.1: ${name} that is missing`, async () => {
    const code = name === 'exp' ? 'ERR_TOKEN_TIME' : 'allowed';
    expect(await judge(guard, mint(key, { claims: { [name]: undefined } }))).toBe(code);
  });

  test.each(['-1', '0', '-0', '1e-400', '1.5', '-99999999999'])(
    `RFC 7519 §2 [J20]: ${name} may be long ago, as %s`,
    async (json) => {
      expect(await withClaim(name, json)).toBe(name === 'exp' ? 'ERR_TOKEN_EXPIRED' : 'allowed');
    },
  );

  test.each(['99999999999', '99999999999.9', '9.9e10'])(
    `RFC 7519 §2 [J20]: ${name} may be far away, as %s`,
    async (json) => {
      const codes = {
        exp: 'allowed',
        nbf: 'ERR_TOKEN_NOT_YET_VALID',
        iat: 'ERR_TOKEN_IAT_IN_FUTURE',
      };
      expect(await withClaim(name, json)).toBe(codes[name as keyof typeof codes]);
    },
  );
});

describe.each([0, 0.5, 5, 300])('RFC 7519 §4.1, with %f seconds of leeway', (clockTolerance) => {
  const token = mint(key, { claims: { iat: undefined, nbf: seconds, exp: seconds + 60 } });
  const issued = mint(key, { claims: { iat: seconds, exp: seconds + 60 } });
  const at = (milliseconds: number) =>
    guardFor([key.jwk], { clockTolerance, now: () => now() + milliseconds });
  const leeway = clockTolerance * 1000;

  test('RFC 7519 §4.1.4 [J21]: on its exp a token MUST be refused, a millisecond before not', async () => {
    expect(await judge(at(60_000 + leeway - 1), token)).toBe('allowed');
    expect(await judge(at(60_000 + leeway), token)).toBe('ERR_TOKEN_EXPIRED');
    expect(await judge(at(60_000 + leeway + 1), token)).toBe('ERR_TOKEN_EXPIRED');
  });

  test('RFC 7519 §4.1.5 [J21]: before its nbf a token MUST be refused, on it not', async () => {
    expect(await judge(at(-leeway - 1), token)).toBe('ERR_TOKEN_NOT_YET_VALID');
    expect(await judge(at(-leeway), token)).toBe('allowed');
  });

  test('RFC 7519 §4.1.6 [J21]: a token MUST NOT be of the future, but for a minute', async () => {
    const early = Math.max(60_000, leeway);
    expect(await judge(at(-early - 1), issued)).toBe('ERR_TOKEN_IAT_IN_FUTURE');
    expect(await judge(at(-early), issued)).toBe('allowed');
  });
});

describe('RFC 7519 §4.1, who and for whom', () => {
  test.each(
    [
      ...['', 'https://API.test', `${audience}/`, `${audience}.evil.test`, 'https://api.tes'],
      ...[` ${audience}`, `${audience} `, `x ${audience}`, `${audience},x`, `${audience}\0`],
      ...[null, true, 1, {}, { 0: audience }, { aud: audience }, { length: 1, 0: audience }],
      ...[[], [''], [[audience]], [null], [`${audience}/`], ['https', '//api.test']],
      ...[
        [audience, null],
        [1, audience],
        [audience, [audience]],
        [audience, {}],
      ],
    ].map((aud) => ({ aud })),
  )('RFC 7519 §4.1.3 [J22]: $aud MUST be refused', async (claims) => {
    expect(await judge(guard, mint(key, { claims }))).toBe('ERR_TOKEN_AUDIENCE');
  });

  test.each([[audience], ['', audience], [audience, audience], ['https://other.test', audience]])(
    'RFC 7519 §4.1.3 [J22]: a list in which it stands is enough',
    async (...aud) => {
      expect(await judge(guard, mint(key, { claims: { aud } }))).toBe('allowed');
    },
  );

  test.each(
    [
      ...[
        '',
        'https://ISSUER.test',
        `${issuer}/`,
        `${issuer}/a`,
        'https://issuer.tes',
        'issuer.test',
      ],
      ...[` ${issuer}`, `${issuer} `, `${issuer}\0`, `${issuer}:443`, 'http://issuer.test'],
      ...[null, true, 1, {}, [issuer], [[issuer]], { 0: issuer }, undefined],
      ...['__proto__', 'constructor', 'toString', 'size'],
    ].map((iss) => ({ iss })),
  )('RFC 7519 §4.1.1 [J23]: $iss MUST be refused', async (claims) => {
    expect(await judge(guard, mint(key, { claims }))).toBe('ERR_TOKEN_ISSUER');
  });

  test('RFC 7519 §7.2: a token MUST be checked from the outside in, and the signature last', async () => {
    const nobody = await createTestKey('ES256');
    const faults = [
      ['ERR_TOKEN_ALGORITHM', { alg: 'none' }, {}],
      ['ERR_TOKEN_CRITICAL', { crit: ['a'] }, {}],
      ['ERR_TOKEN_TYPE', { typ: 'x' }, {}],
      ['ERR_TOKEN_ISSUER', {}, { iss: 'x' }],
      ['ERR_TOKEN_TIME', {}, { exp: 'x' }],
      ['ERR_TOKEN_AUDIENCE', {}, { aud: 'x' }],
      ['ERR_TOKEN_KEY_UNKNOWN', { kid: 'x' }, {}],
      ['ERR_TOKEN_SIGNATURE', { kid: key.kid }, {}],
    ] as const;
    for (const [i, [code]] of faults.entries()) {
      const more = faults.slice(i).reverse();
      const header = Object.assign({}, ...more.map(([, part]) => part));
      const claims = Object.assign({}, ...more.map(([, , part]) => part));
      expect(await judge(guard, mint(nobody, { header, claims }))).toBe(code);
    }
  });
});
