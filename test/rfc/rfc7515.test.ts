import { describe, expect, test } from 'vitest';
import { judge } from './ask.js';
import {
  claimsOf,
  encode,
  guardFor,
  headerOf,
  keyFor,
  mint,
  named,
  signInput,
  signText,
} from './mint.js';

const key = await keyFor('ES256');
const guard = guardFor([key.jwk]);
const header = JSON.stringify(headerOf(key));
const payload = JSON.stringify(claimsOf());
const token = signText(header, payload, key);
const [head = '', body = '', signature = ''] = token.split('.');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

test('what all these tests bend is good', async () => {
  expect(await judge(guard, token)).toBe('allowed');
});

describe('RFC 7515 §7.1, three segments', () => {
  test.each([
    ['one', head, 'ERR_TOKEN_NOT_JWT'],
    ['two', `${head}.${body}`, 'ERR_TOKEN_NOT_JWT'],
    ['four', `${token}.${signature}`, 'ERR_TOKEN_NOT_JWT'],
    ['four, the last empty', `${token}.`, 'ERR_TOKEN_NOT_JWT'],
    ['four, the first empty', `.${token}`, 'ERR_TOKEN_NOT_JWT'],
    ['five', `${token}.a.b`, 'ERR_TOKEN_ENCRYPTED'],
    ['six', `${token}.a.b.c`, 'ERR_TOKEN_NOT_JWT'],
    ['five empty', '....', 'ERR_TOKEN_ENCRYPTED'],
    ['three empty', '..', 'ERR_TOKEN_MALFORMED'],
    ['an empty header', `.${body}.${signature}`, 'ERR_TOKEN_MALFORMED'],
    ['a detached payload', signInput(`${head}.`, key), 'ERR_TOKEN_MALFORMED'],
    ['an empty signature', `${head}.${body}.`, 'ERR_TOKEN_MALFORMED'],
  ])('RFC 7515 §7.1 [J01]: %s MUST be refused', async (_, text, code) => {
    expect(await judge(guard, text)).toBe(code);
  });

  test('RFC 7515 §7.2 [J01]: JSON serialization MUST be refused', async () => {
    const flattened = JSON.stringify({ protected: head, payload: body, signature });
    expect(await judge(guard, flattened)).toBe('ERR_HEADER_MALFORMED');
    expect(await judge(guard, encode(flattened))).toBe('ERR_TOKEN_NOT_JWT');
  });
});

describe.each([
  ['header', (text: string) => signInput(`${text}.${body}`, key), head],
  ['payload', (text: string) => signInput(`${head}.${text}`, key), body],
  ['signature', (text: string) => `${head}.${body}.${text}`, signature],
])('RFC 7515 §2, the %s', (_, tokenWith, good) => {
  const within = (other: string) => tokenWith(`${good.slice(0, 8)}${other}${good.slice(8)}`);
  const behind = (other: string) => tokenWith(good + other);

  // Signed as it stands: nothing but its spelling is wrong.
  test.each(['+', '/', '~'])('RFC 7515 §5.2 [J02]: "%s" in it MUST be refused', async (other) => {
    expect(await judge(guard, within(other))).toBe('ERR_TOKEN_MALFORMED');
    expect(await judge(guard, behind(other))).toBe('ERR_TOKEN_MALFORMED');
  });

  test.each(['=', ' ', '\n', '\r\n', '\t', '\0', 'é', '\u212a', '%', '"'])(
    'RFC 7515 §5.2 [J02]: %j in it MUST be refused',
    async (other) => {
      expect(await judge(guard, within(other))).toBe('ERR_HEADER_MALFORMED');
    },
  );

  test.each(['=', '=='])('RFC 7515 §2 [J02]: "%s" after it MUST be refused', async (padding) => {
    const last = tokenWith(good).endsWith(good);
    const code = last ? 'ERR_TOKEN_MALFORMED' : 'ERR_HEADER_MALFORMED';
    expect(await judge(guard, behind(padding))).toBe(code);
  });
});

describe('RFC 4648 §3.5, unused bits', () => {
  // Spaces are JSON: they make a segment one or two bytes longer, so that bits are left over.
  const [shortHead, shortBody] = [header, payload].map((text) =>
    encode(text.padEnd(text.length + ((4 - (text.length % 3)) % 3))),
  ) as [string, string];

  test.each([
    ['header', signInput(`${shortHead}.${body}`, key)],
    ['payload', signInput(`${head}.${shortBody}`, key)],
  ])('RFC 4648 §3.5 [J03]: zero bits at the end of the %s are fine', async (_, text) => {
    expect(await judge(guard, text)).toBe('allowed');
  });

  const bits = Array.from({ length: 15 }, (_, i) => i + 1);
  const withBits = (segment: string, more: number) =>
    segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.at(-1) ?? '') + more];

  test.each(bits)('RFC 4648 §3.5 [J03]: unused bits %i MUST be refused', async (more) => {
    const texts = [
      signInput(`${withBits(shortHead, more)}.${body}`, key),
      signInput(`${head}.${withBits(shortBody, more)}`, key),
      `${head}.${body}.${withBits(signature, more)}`,
    ];
    for (const text of texts) expect(await judge(guard, text)).toBe('ERR_TOKEN_MALFORMED');
  });
});

describe('RFC 7515 §4.1.4, kid', () => {
  test.each([null, 1, true, [], ['ES256'], {}, { kid: 'ES256' }])(
    'RFC 7515 §4.1.4 [J11]: kid %j MUST be refused',
    async (kid) => {
      expect(await judge(guard, mint(key, { header: { kid } }))).toBe('ERR_TOKEN_MALFORMED');
    },
  );

  test.each(['', 'es256', 'ES25', 'ES2566', ' ES256', 'ES256 ', '*', '../ES256', 'ES256\0'])(
    'RFC 7515 §4.1.4 [J11]: kid %j is not ES256, so it MUST be refused',
    async (kid) => {
      expect(await judge(guard, mint(key, { header: { kid } }))).toBe('ERR_TOKEN_KEY_UNKNOWN');
    },
  );

  test('RFC 7515 §4.1.4 [J11]: any text can be a kid, and MUST match as it is', async () => {
    for (const kid of ['', ' ', '__proto__', 'constructor', '\u212b', 'a'.repeat(4096)]) {
      const other = named(key, kid);
      expect(await judge(guardFor([other.jwk]), mint(other))).toBe('allowed');
    }
    const composed = guardFor([named(key, '\u00e9').jwk]);
    expect(await judge(composed, mint(named(key, 'e\u0301')))).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test('RFC 7515 §6 [J12]: a token MUST be verified with the key it names, and no other', async () => {
    const first = named(await keyFor('ES256', 'first'), 'first');
    const second = named(await keyFor('ES256', 'second'), 'second');
    const both = guardFor([first.jwk, second.jwk]);
    expect(await judge(both, mint(first))).toBe('allowed');
    expect(await judge(both, mint(second))).toBe('allowed');
    expect(await judge(both, mint(named(second, 'first')))).toBe('ERR_TOKEN_SIGNATURE');
  });

  test('RFC 7515 §4.1.4 [J12]: without a kid, of two keys that fit none MUST be tried', async () => {
    const other = named(await keyFor('ES256', 'other'), 'other');
    const both = guardFor([key.jwk, other.jwk]);
    const text = mint(key, { header: { kid: undefined } });
    expect(await judge(both, text)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });
});
