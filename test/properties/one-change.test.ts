import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge } from '../rfc/ask.js';
import { guardFor, keyFor, mint } from '../rfc/mint.js';
import { runs } from '../runs.js';

const algorithms = ['ES256', 'RS256', 'PS256', 'Ed25519'] as const;
const keys = await Promise.all(algorithms.map((algorithm) => keyFor(algorithm)));
const guard = guardFor(keys.map(({ jwk }) => jwk));
const tokens = keys.map((key) => mint(key, { claims: { scope: 'a b', org_id: 'org_1' } }));

const token = fc.constantFrom(...tokens);
const anywhere = fc.nat();
const letter = fc.oneof(
  fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'),
  fc.constantFrom('=', '+', '/', '~', ' ', '\t', '\n', '\0', ',', '"', 'é', '\u{1f511}'),
);

const refused = async (text: string) => {
  expect(await judge(guard, text)).toMatch(/^ERR_(TOKEN|HEADER)_/);
};
const splice = (text: string, at: number, without: number, more: string) =>
  text.slice(0, at) + more + text.slice(at + without);

test('what all these properties bend is good', async () => {
  for (const good of tokens) expect(await judge(guard, good)).toBe('allowed');
});

test('a token with one character replaced is never allowed', async () => {
  await fc.assert(
    fc.asyncProperty(token, anywhere, letter, async (text, place, other) => {
      const at = place % text.length;
      fc.pre(text[at] !== other);
      await refused(splice(text, at, 1, other));
    }),
    { numRuns: runs(1000) },
  );
});

test('a token with one character inserted is never allowed', async () => {
  await fc.assert(
    fc.asyncProperty(token, anywhere, letter, async (text, place, other) => {
      const at = place % (text.length + 1);
      // Between the scheme and the token there may be several SP.
      fc.pre(!(at === 0 && other === ' '));
      await refused(splice(text, at, 0, other));
    }),
    { numRuns: runs(1000) },
  );
});

test('a token with one character removed is never allowed', async () => {
  await fc.assert(
    fc.asyncProperty(token, anywhere, (text, place) =>
      refused(splice(text, place % text.length, 1, '')),
    ),
    { numRuns: runs(1000) },
  );
});

test('a token with one bit flipped in header, payload or signature is never allowed', async () => {
  await fc.assert(
    fc.asyncProperty(token, fc.nat(2), anywhere, async (text, which, place) => {
      const segments = text.split('.').map((segment) => Buffer.from(segment, 'base64url'));
      const bytes = segments[which] ?? Buffer.alloc(0);
      const bit = place % (bytes.length * 8);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await refused(segments.map((segment) => segment.toString('base64url')).join('.'));
    }),
    { numRuns: runs(1000) },
  );
});

test('segments of two good tokens make none', async () => {
  const second = keys.map((key) => mint(key, { claims: { sub: 'user_2' } }));
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(...tokens, ...second))),
      async (three) => {
        fc.pre(new Set(three).size > 1);
        const mixed = three.map((text, i) => text.split('.')[i]).join('.');
        fc.pre(![...tokens, ...second].includes(mixed));
        await refused(mixed);
      },
    ),
    { numRuns: runs(200) },
  );
});
