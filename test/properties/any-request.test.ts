import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GuardRequest } from '../../src/index.js';
import { requestOf } from '../rfc/ask.js';
import { bearerParameters } from '../rfc/challenge-grammar.js';
import { audience, guardFor, keyFor, mint } from '../rfc/mint.js';
import { runs } from '../runs.js';

const key = await keyFor('ES256');
const guard = guardFor([key.jwk]);
const token = mint(key);
const [head = '', body = '', signature = ''] = token.split('.');

const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some).toString('latin1'));
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), bytes);

/** Pieces that look like credentials, in any order: grammar gone wrong. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom('Bearer', 'bearer', 'Basic', 'Digest', ' ', '  ', '\t', ',', ', ', '=', '"'),
      fc.constantFrom('\\', '.', '..', ';', 'a=b', 'a="b"', 'realm="', '\r\n', '\0', 'é', 'abc'),
      fc.constantFrom(head, body, signature, `${head}.${body}`, `${body}.${signature}`),
    ),
    { maxLength: 12 },
  )
  .map((some) => some.join(''));
const segmented = fc
  .array(fc.oneof(fc.constantFrom(head, body, signature, ''), fc.base64String()), { maxLength: 7 })
  .map((some) => `Bearer ${some.join('.')}`)
  .filter((text) => text !== `Bearer ${token}`);

async function refused(request: GuardRequest): Promise<void> {
  const decision = await guard(request);
  if (decision.allowed) throw new Error('the guard let it through');
  const { status, headers } = decision.denial;
  expect([400, 401]).toContain(status);
  expect(bearerParameters(headers['WWW-Authenticate']).realm).toBe(audience);
}

test('no Authorization without a good token is ever allowed, or throws', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        anyText,
        pieces,
        segmented,
        bytes.map((text) => `Bearer ${text}`),
      ),
      (authorization) => refused(requestOf({ authorization })),
    ),
    { numRuns: runs(2000) },
  );
});

test('no method, URL or other header is ever a credential, or throws', async () => {
  const url = fc.oneof(
    anyText,
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    anyText.map((text) => `/?${text}`),
    fc.constantFrom(`/?access_token=${token}`, `/#access_token=${token}`, `/${token}`),
  );
  const header = fc.constantFrom('cookie', 'x-access-token', 'proxy-authorization', 'x-api-key');
  await fc.assert(
    fc.asyncProperty(anyText, url, header, fc.boolean(), (method, url, name, formToken) =>
      refused(requestOf({ [name]: `Bearer ${token}` }, { method, url, formToken })),
    ),
    { numRuns: runs(1000) },
  );
});

test('a good token is allowed with any method, and any query but a token', async () => {
  const word = fc.stringMatching(/^[a-z_[\]%.]{0,14}$/);
  await fc.assert(
    fc.asyncProperty(anyText, fc.array(fc.tuple(word, word)), async (method, pairs) => {
      const url = `/?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`;
      const request = requestOf({ authorization: `Bearer ${token}` }, { method, url });
      expect((await guard(request)).allowed).toBe(true);
    }),
    { numRuns: runs(300) },
  );
});
