import { describe, expect, test } from 'vitest';
import { type Algorithm, algorithms } from '../../src/core/token/algorithms.js';
import { importKey } from '../../src/core/token/jwk.js';
import { absence, importKeys, read, verify } from './verify.js';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid';
  readonly jws?: unknown;
  readonly jwe?: unknown;
  /** The public key or keys; where a vector has none, the secret ones. */
  readonly published: object;
  readonly secret: object;
}

const vectorsOf = (file: string): Vector[] =>
  read(`wycheproof/${file}.json`).testGroups.flatMap(
    (group: { public?: object; private: object; tests: object[] }) =>
      group.tests.map((one) => ({
        ...one,
        published: group.public ?? group.private,
        secret: group.private,
      })),
  );

const noHmac = 'algorithm'; // a resource server holds nothing that could sign
const noClaims = 'ERR_TOKEN_MALFORMED'; // an empty payload is a JWS, and never a JWT
const notStrict = 'ERR_HEADER_MALFORMED'; // "?" is skipped by lax decoders, and refused by RFC 7515 §2
const otherKey = 'key'; // the JWK says PS256 and the token PS384, or ES521, which is no algorithm
const encrypted = 'ERR_TOKEN_ENCRYPTED'; // no encryption was agreed (RFC 9068 §4)

const all = <T>(ids: readonly number[], reason: T) => ids.map((id) => [id, reason] as const);

// What is valid and refused all the same, and by what. Nothing that is invalid can stand here.
const stricter: Record<string, ReadonlyMap<number, string>> = {
  json_web_signature_test: new Map([
    ...all([1, 348, 352, 357, 358, 359, 376, 377], noHmac),
    ...all([259, 264, 268, 272, 320, 325], noClaims),
    ...all([346, 347, 350, 351], otherKey),
    ...all([372, 373], notStrict),
  ]),
  json_web_key_test: new Map(all([2, 13, 14, 15], noHmac)),
  json_web_crypto_test: new Map([...all([1, 48], noHmac), ...all([50, 67], encrypted)]),
};
// How many are valid, and what refuses the others.
const counts = {
  json_web_signature_test: {
    valid: 46,
    signature: 291,
    key: 11,
    algorithm: 6,
    ERR_HEADER_MALFORMED: 14,
    ERR_TOKEN_MALFORMED: 19,
    ERR_TOKEN_NOT_JWT: 14,
  },
  json_web_key_test: { valid: 5, key: 8, algorithm: 11, ERR_TOKEN_MALFORMED: 2 },
  json_web_crypto_test: {
    valid: 6,
    signature: 5,
    key: 3,
    algorithm: 6,
    ERR_TOKEN_MALFORMED: 13,
    ERR_HEADER_MALFORMED: 5,
    ERR_TOKEN_NOT_JWT: 24,
    ERR_TOKEN_ENCRYPTED: 21,
  },
};

if (absence) {
  console.log(`wycheproof: skipped, ${absence}`);
  test('wycheproof', ({ skip }) => skip(absence));
} else {
  describe.each(Object.entries(counts))('wycheproof/%s', (file, count) => {
    const vectors = vectorsOf(file);

    const verdictOf = ({ jws, jwe, published }: Vector) => {
      const given = jws ?? jwe;
      return verify(typeof given === 'string' ? given : JSON.stringify(given), published);
    };

    test('every vector is run, and the invalid ones fail where they should', async () => {
      const found: Record<string, number> = { valid: 0 };
      for (const vector of vectors) {
        const reason = vector.result === 'valid' ? 'valid' : await verdictOf(vector);
        found[reason] = (found[reason] ?? 0) + 1;
      }
      expect(found).toEqual(count);
      expect(new Set(vectors.map(({ tcId }) => tcId)).size).toBe(vectors.length);
    });

    test.each(vectors)('$tcId $comment is $result', async (vector) => {
      const verdict = await verdictOf(vector);
      if (vector.result === 'invalid') return expect(verdict).not.toBe('valid');
      expect(verdict).toBe(stricter[file]?.get(vector.tcId) ?? 'valid');
    });

    test('what is refused though it is valid is valid indeed', () => {
      const valid = new Set(vectors.filter((one) => one.result === 'valid').map((one) => one.tcId));
      for (const id of stricter[file]?.keys() ?? []) expect(valid).toContain(id);
    });

    test('no secret key is ever imported', () => {
      const secrets = vectors.flatMap(({ secret }) =>
        'keys' in secret ? (secret.keys as { d?: string; k?: string }[]) : [secret],
      );
      const own = secrets.filter((jwk) => 'd' in jwk || 'k' in jwk);
      expect(own.length).toBeGreaterThanOrEqual(vectors.length);
      expect(own.map(importKey).filter((key) => key !== undefined)).toEqual([]);
    });
  });

  describe('wycheproof/json_web_key_test, keys', () => {
    const names = Object.keys(algorithms) as Algorithm[];
    const invalid = vectorsOf('json_web_key_test').filter(({ result }) => result === 'invalid');

    test.each(invalid)('$tcId $comment serves no algorithm', ({ tcId, published }) => {
      const serving = importKeys(published).filter((key) => names.some((name) => key.fits(name)));
      // Beside a secret stands a good public key, and that one alone can be used.
      expect(serving).toHaveLength(tcId === 1 ? 1 : 0);
    });
  });
}
