import { describe, expect, test } from 'vitest';
import { importKey } from '../../src/core/token/jwk.js';
import { parseJws } from '../../src/core/token/jws.js';
import { AuthError } from '../../src/index.js';
import { absence, read, verify } from './verify.js';

interface Example {
  readonly input: { readonly payload: string; readonly key: object; readonly alg: string };
  readonly output: {
    readonly compact?: string;
    readonly json: object;
    readonly json_flat?: object;
  };
}
interface Signed {
  readonly payload: string;
  readonly signatures: readonly { readonly protected?: string; readonly signature: string }[];
}

const exampleOf = (name: string): Example => read(`cookbook/${name}.json`);
const publicHalf = ({ d, p, q, dp, dq, qi, ...rest }: Record<string, unknown>) => rest;

const asymmetric = [
  'jws_4_1.rsa_v15_signature',
  'jws_4_2.rsa-pss_signature',
  'jws_4_3.ecdsa_signature',
  'curve25519_jws',
];
// With HMAC, and 4.5 without its content: no resource server of ours can read these.
const refused = {
  'jws_4_4.hmac-sha2_integrity_protection': 'algorithm',
  'jws_4_5.signature_with_detached_content': 'ERR_TOKEN_MALFORMED',
};
const jsonOnly = [
  'jws_4_6.protecting_specific_header_fields',
  'jws_4_7.protecting_content_only',
  'jws_4_8.multiple_signatures',
];

if (absence) {
  console.log(`cookbook: skipped, ${absence}`);
  test('cookbook', ({ skip }) => skip(absence));
} else {
  describe.each(asymmetric)('cookbook/%s', (name) => {
    const { input, output } = exampleOf(name);
    const { compact = '' } = output;
    const key = publicHalf(input.key as Record<string, unknown>);

    test('is valid, and says what went in', async () => {
      expect(await verify(compact, key)).toBe('valid');
      const { header, payload } = parseJws(compact);
      expect(header.alg).toBe(input.alg);
      expect(Buffer.from(payload).toString()).toBe(input.payload);
    });

    test('is invalid with another byte in its payload or signature', async () => {
      const segments = compact.split('.').map((segment) => Buffer.from(segment, 'base64url'));
      for (const place of [1, 2]) {
        for (const at of [0, -1]) {
          const changed = segments.map((segment) => Buffer.from(segment));
          const bytes = changed[place] ?? Buffer.alloc(0);
          const index = at < 0 ? bytes.length - 1 : at;
          bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
          const text = changed.map((segment) => segment.toString('base64url')).join('.');
          expect(await verify(text, key)).toBe('signature');
        }
      }
    });

    test('its secret key is not imported', () => {
      expect(importKey(input.key)).toBeUndefined();
    });
  });

  test.each(Object.entries(refused))('cookbook/%s is refused by its %s', async (name, reason) => {
    const { input, output } = exampleOf(name);
    expect(await verify(output.compact ?? '', input.key)).toBe(reason);
    expect(importKey(input.key)).toBeUndefined();
  });

  test.each([...asymmetric, ...Object.keys(refused), ...jsonOnly])(
    'cookbook/%s is refused in JSON',
    (name) => {
      const { json, json_flat } = exampleOf(name).output;
      for (const written of [json, json_flat ?? json]) {
        expect(() => parseJws(JSON.stringify(written))).toThrow(AuthError);
      }
    },
  );

  test('cookbook/jws_4_8: what is protected of several signatures is good by itself', async () => {
    const { input, output } = exampleOf('jws_4_8.multiple_signatures');
    const { payload, signatures } = output.json as Signed;
    const keys = (input.key as unknown as Record<string, unknown>[]).map(publicHalf);
    const verdicts = await Promise.all(
      signatures.map(({ protected: header = '', signature }) =>
        verify(`${header}.${payload}.${signature}`, { keys }),
      ),
    );
    expect(verdicts).toEqual(['valid', 'ERR_TOKEN_MALFORMED', 'algorithm']);
  });

  test('every example is run', () => {
    expect([...asymmetric, ...Object.keys(refused), ...jsonOnly]).toHaveLength(9);
  });
}
