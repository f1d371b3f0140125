import { describe, expect, test } from 'vitest';
import type { DecisionEvent } from '../../src/index.js';
import { bearing, sending, verdict } from '../rfc/ask.js';
import { claimsOf, encode, guardFor, headerOf, keyFor, signText } from '../rfc/mint.js';

const key = await keyFor('ES256');
const header = JSON.stringify(headerOf(key));
const payload = JSON.stringify(claimsOf());
const good = signText(header, payload, key);
const mega = 1_000_000;

/** What a guard that has no keys yet makes of it: a code, with nothing fetched for it. */
async function codeOf(authorization: string): Promise<string> {
  const guard = guardFor([], {
    fetch: async () => {
      throw new Error('fetched');
    },
  });
  return verdict(await guard(sending(authorization)));
}

const times = (text: string, length: number) => text.repeat(Math.ceil(length / text.length));

describe('an Authorization of a million characters', () => {
  test.each([
    ['a token', 'ERR_TOKEN_TOO_LARGE', `Bearer ${times('a', mega)}`],
    ['a good token and more', 'ERR_TOKEN_TOO_LARGE', `Bearer ${good}${times('A', mega)}`],
    ['dots', 'ERR_TOKEN_TOO_LARGE', `Bearer ${times('.', mega)}`],
    ['segments', 'ERR_TOKEN_TOO_LARGE', `Bearer ${times('a.', mega)}`],
    ['padding', 'ERR_TOKEN_TOO_LARGE', `Bearer a${times('=', mega)}`],
    ['padding that goes on', 'ERR_HEADER_MALFORMED', `Bearer a${times('=', mega)}a`],
    ['SP', 'ERR_CREDENTIAL_MISSING', `Bearer${times(' ', mega)}`],
    ['SP, then something', 'ERR_HEADER_MALFORMED', `Bearer${times(' ', mega)};`],
    ['commas', 'ERR_HEADER_MALFORMED', `Bearer ${times(',', mega)}`],
    ['commas and SP', 'ERR_CREDENTIAL_MISSING', `Basic ${times(', ', mega)}`],
    ['a comma and SP', 'ERR_CREDENTIAL_MISSING', `Basic ,${times(' ', mega)}`],
    ['a comma and tabs', 'ERR_CREDENTIAL_MISSING', `Basic ,a${times('\t', mega)}=`],
    ['parameters', 'ERR_CREDENTIAL_MISSING', `Basic ${times('a=b, ', mega)}`],
    ['words', 'ERR_HEADER_REPEATED', `Basic ${times('a, ', mega)}`],
    ['a long word after a comma', 'ERR_CREDENTIAL_MISSING', `Basic ,${times('a', mega)}@`],
    ['quotes', 'ERR_CREDENTIAL_MISSING', `Basic ${times('"', mega)},`],
    ['quotes and commas', 'ERR_CREDENTIAL_MISSING', `Basic ${times('",', mega)}`],
    ['quoted texts', 'ERR_CREDENTIAL_MISSING', `Digest ${times('a="b, c", ', mega)}`],
    ['a long quoted text', 'ERR_CREDENTIAL_MISSING', `Digest a="${times('b, ', mega)}"`],
    ['escapes', 'ERR_CREDENTIAL_MISSING', `Digest a="${times('\\"', mega)}", b=c`],
    ['a scheme', 'ERR_CREDENTIAL_MISSING', times('a', mega)],
    ['no scheme', 'ERR_HEADER_MALFORMED', `${times('a', mega)}"`],
    ['controls', 'ERR_HEADER_MALFORMED', times('\0', mega)],
    ['what is no ASCII', 'ERR_HEADER_MALFORMED', `Bearer ${times('é', mega)}`],
  ])('of %s is %s', async (_, code, authorization) => {
    expect(authorization.length).toBeGreaterThanOrEqual(mega);
    expect(await codeOf(authorization)).toBe(code);
  });

  // A quoted string that never ends is no parameter.
  test.each([
    ['backslashes', `Basic "${times('\\', mega)},`],
    ['quotes and backslashes', `Basic ${times('"\\', mega)},`],
    ['an open quote', `Digest a="${times('b, Bearer ', mega)}`],
    ['a long word before an open quote', `Basic ,${times('a', mega)}"`],
  ])('of %s is ERR_HEADER_MALFORMED', async (_, authorization) => {
    expect(await codeOf(authorization)).toBe('ERR_HEADER_MALFORMED');
  });
});

describe('a token at the limit', () => {
  const limit = 16_384;

  test.each([
    ['dots', 'ERR_TOKEN_NOT_JWT', '.'.repeat(limit)],
    ['segments', 'ERR_TOKEN_NOT_JWT', 'a.'.repeat(limit / 2)],
    ['one segment', 'ERR_TOKEN_NOT_JWT', 'a'.repeat(limit)],
    ['five segments', 'ERR_TOKEN_ENCRYPTED', `${'a'.repeat(limit - 8)}.b.c.d.e`],
    ['a long header', 'ERR_TOKEN_MALFORMED', `${'a'.repeat(limit - 4)}.b.c`],
    ['one more', 'ERR_TOKEN_TOO_LARGE', 'a'.repeat(limit + 1)],
    ['one more dot', 'ERR_TOKEN_TOO_LARGE', `${good}${'.'.repeat(limit)}`],
  ])('of %s is %s', async (_, code, token) => {
    expect(await codeOf(`Bearer ${token}`)).toBe(code);
  });
});

describe('JSON that goes deep', () => {
  const depth = 5000;
  const guard = guardFor([key.jwk]);
  const ask = async (token: string) => verdict(await guard(bearing(token)));
  const nested = {
    lists: '['.repeat(depth) + ']'.repeat(depth),
    objects: `${'{"a":'.repeat(depth / 3)}1${'}'.repeat(depth / 3)}`,
    both: `${'[{"a":'.repeat(depth / 4)}1${'}]'.repeat(depth / 4)}`,
  };

  test.each(Object.entries(nested))('%s in a good token do no harm', async (_, deep) => {
    const inPayload = signText(header, `${payload.slice(0, -1)},"deep":${deep}}`, key);
    const inHeader = signText(`${header.slice(0, -1)},"deep":${deep}}`, payload, key);
    expect([await ask(inPayload), await ask(inHeader)]).toEqual(['allowed', 'allowed']);
  });

  test.each(Object.entries(nested))('%s as the whole of it are refused', async (_, deep) => {
    const name = deep.startsWith('[') ? 'ERR_TOKEN_MALFORMED' : 'ERR_TOKEN_ALGORITHM';
    expect(await ask(signText(deep, payload, key))).toBe(name);
    const code = deep.startsWith('[') ? 'ERR_TOKEN_MALFORMED' : 'ERR_TOKEN_ISSUER';
    expect(await ask(signText(header, deep, key))).toBe(code);
  });

  test.each(['[', '{"a":', '[{"a":', '"', '\\', '{"a":"'])(
    '%s that never ends is refused',
    async (start) => {
      const endless = start.repeat(Math.floor(10_000 / start.length));
      expect(await ask(`${encode(endless)}.${encode(payload)}.AA`)).toBe('ERR_TOKEN_MALFORMED');
      expect(await ask(`${encode(header)}.${encode(endless)}.AA`)).toBe('ERR_TOKEN_MALFORMED');
    },
  );

  test('many names are counted, and one that stands twice among them is found', async () => {
    const names = Array.from({ length: 900 }, (_, i) => `"n${i}":${i}`).join(',');
    const open = `${payload.slice(0, -1)},${names}`;
    expect(await ask(signText(header, `${open}}`, key))).toBe('allowed');
    expect(await ask(signText(header, `${open},"n450":0}`, key))).toBe('ERR_TOKEN_MALFORMED');
  });
});

describe('what a token can make an event hold', () => {
  test('is small, however large the token', async () => {
    const events: DecisionEvent[] = [];
    const guard = guardFor([key.jwk], { onDecision: (event) => events.push(event) });
    const long = 'x'.repeat(2000);
    const claims = claimsOf({ iss: long, client_id: long, sub: long, org_id: long, jti: long });
    await guard(bearing(signText(header, JSON.stringify(claims), key)));
    await guard(sending(`Bearer ${times('a', mega)}`));
    expect(events.map(({ reason }) => reason)).toEqual(['ERR_TOKEN_ISSUER', 'ERR_TOKEN_TOO_LARGE']);
    for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(900);
  });
});
