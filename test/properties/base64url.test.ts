import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJws } from '../../src/core/token/jws.js';
import { AuthError } from '../../src/index.js';
import { inFull, runs } from '../runs.js';

const header = Buffer.from('{"alg":"ES256"}').toString('base64url');

/** The payload that is read, or why none is. */
function payloadOf(segment: string): Uint8Array | string {
  try {
    return parseJws(`${header}.${segment}.AAAA`).payload;
  } catch (error) {
    if (error instanceof AuthError) return error.code;
    throw error;
  }
}

/** RFC 4648 §5 without padding, and §3.5: by pattern, then written again by another encoder. */
function oracle(segment: string): Uint8Array | undefined {
  if (!/^(?:[\w-]{4})*(?:[\w-]{2,4})$/.test(segment)) return undefined;
  const binary = atob(segment.replaceAll('-', '+').replaceAll('_', '/'));
  const again = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return again === segment ? Uint8Array.from(binary, (one) => one.charCodeAt(0)) : undefined;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const letter = fc.constantFrom(...alphabet);
const other = fc.constantFrom('+', '/', '=', ' ', '\n', '~', '\0', 'é', '\u{1f511}', '%', '\u0141');
const nearly = fc
  .array(fc.oneof({ weight: 30, arbitrary: letter }, { weight: 1, arbitrary: other }))
  .map((letters) => letters.join(''));
const padded = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64'));
const text = fc.oneof(
  nearly,
  padded,
  fc.string({ unit: 'binary' }).map((one) => one.replaceAll('.', '')),
);

test('a segment is read exactly if it is strict base64url', () => {
  const seen = { read: 0, refused: 0 };
  fc.assert(
    fc.property(text, (segment) => {
      const bytes = oracle(segment);
      seen[bytes ? 'read' : 'refused'] += 1;
      const payload = payloadOf(segment);
      if (bytes) expect(Buffer.from(payload as Uint8Array).equals(bytes)).toBe(true);
      else expect(payload).toMatch(/^ERR_(TOKEN|HEADER)_MALFORMED$/);
    }),
    { numRuns: runs(3000) },
  );
  if (inFull) expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(100);
});

test('whatever is written is read back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), (bytes) => {
      const payload = payloadOf(Buffer.from(bytes).toString('base64url'));
      expect(Buffer.from(payload as Uint8Array).equals(bytes)).toBe(true);
    }),
    { numRuns: runs(300) },
  );
});

test('no two texts are the same bytes', () => {
  fc.assert(
    fc.property(nearly, letter, (segment, last) => {
      const changed = segment.slice(0, -1) + last;
      fc.pre(changed !== segment);
      const [first, second] = [payloadOf(segment), payloadOf(changed)];
      if (typeof first === 'string' || typeof second === 'string') return;
      expect(Buffer.from(first).equals(second)).toBe(false);
    }),
    { numRuns: runs(2000) },
  );
});
