import {
  createHash,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';
import { expect, test } from 'vitest';
import { createTestIssuer } from '../../src/testing.js';
import { json, openScene, type Scene } from './jwks-server.js';

const junk: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a number', 42],
  ['a text', 'key'],
  ['a list', []],
  ['an empty object', {}],
  ['a key without a kty', { kid: 'bad', n: 'AQAB', e: 'AQAB' }],
  ['a key of an unknown kty', { kid: 'bad', kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' }],
  ['a kty that every object has', { kid: 'bad', kty: 'constructor' }],
  ['a kty that is no text', { kid: 'bad', kty: ['EC'] }],
  ['a symmetric key', { kid: 'bad', kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }],
  ['an RSA key without a modulus', { kid: 'bad', kty: 'RSA', e: 'AQAB' }],
  ['an EC key of an unknown curve', { kid: 'bad', kty: 'EC', crv: 'P-255', x: 'AQ', y: 'AQ' }],
  ['an EC point off its curve', { kid: 'bad', kty: 'EC', crv: 'P-256', x: 'AQ', y: 'AQ' }],
  ['an Ed25519 key that is too short', { kid: 'bad', kty: 'OKP', crv: 'Ed25519', x: 'AQ' }],
];

test.each(junk)('%s in a set is skipped, and the good key works', async (_, bad) => {
  const { serve, issuer, outcome } = await openScene();
  serve(json({ keys: [bad, ...issuer.jwks.keys, bad] }));
  expect(await outcome()).toBe('allowed');
  const named = await issuer.token({ header: { kid: 'bad' } });
  expect(await outcome(named)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
});

/** Another key of the same issuer, of another algorithm. */
const secondKey = async ({ host, clock }: Scene) => {
  const signer = await createTestIssuer({
    issuer: host.origin,
    algorithm: 'ES384',
    now: clock.now,
  });
  return { signer, jwk: signer.jwks.keys[0] };
};

test.each([
  ['for encryption', { use: 'enc' }],
  ['for other operations than verifying', { key_ops: ['encrypt', 'wrapKey'] }],
  ['with operations that are no list', { key_ops: 'verify' }],
  ['with its private half', { d: 'AQAB' }],
  ['with an alg that is no text', { alg: 384 }],
])('a key %s verifies nothing, and the good key works', async (_, members) => {
  const scene = await openScene();
  const { signer, jwk } = await secondKey(scene);
  scene.serve(json({ keys: [{ ...jwk, ...members }, ...scene.issuer.jwks.keys] }));
  expect(await scene.outcome()).toBe('allowed');
  expect(await scene.outcome(await signer.token())).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
});

test.each([
  ['with nothing but what it needs', { use: undefined, alg: undefined }],
  ['that may verify among other things', { key_ops: ['sign', 'verify'] }],
  ['with members that nobody knows', { x5t: 'AQAB', issued: 1 }],
])('a key %s works', async (_, members) => {
  const scene = await openScene();
  const { signer, jwk } = await secondKey(scene);
  scene.serve(json({ keys: [{ ...jwk, ...members }, ...scene.issuer.jwks.keys] }));
  expect(await scene.outcome(await signer.token())).toBe('allowed');
});

test('a key whose kid is no text is skipped, not taken for one without a kid', async () => {
  const scene = await openScene();
  const { signer, jwk } = await secondKey(scene);
  const nameless = await signer.token({ header: { kid: undefined } });
  scene.serve(json({ keys: [{ ...jwk, kid: 42 }, ...scene.issuer.jwks.keys] }));
  expect(await scene.outcome(nameless)).toBe('401 ERR_TOKEN_KEY_MISMATCH');
  expect(await scene.outcome()).toBe('allowed');
});

test('a malformed key does not hide a good one of the same kid', async () => {
  const { serve, issuer, outcome } = await openScene();
  const [good] = issuer.jwks.keys;
  serve(json({ keys: [{ ...good, y: 'AQ' }, good, { ...good, use: 'enc' }] }));
  expect(await outcome()).toBe('allowed');
});

test.each([
  ['its own', 'PS256', 'allowed'],
  ['another', 'RS256', '401 ERR_TOKEN_KEY_MISMATCH'],
  ['no', undefined, 'allowed'],
])('a key that names %s algorithm: %s for a token of PS256 is %s', async (_, alg, expected) => {
  const { host, clock, serve, outcome } = await openScene();
  const signer = await createTestIssuer({
    issuer: host.origin,
    algorithm: 'PS256',
    now: clock.now,
  });
  serve(json({ keys: [{ ...signer.jwks.keys[0], alg }] }));
  expect(await outcome(await signer.token())).toBe(expected);
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token of the scene's issuer, but for its signature. */
function unsigned({ host, clock }: Scene, kid: string): string {
  const issuedAt = clock.time / 1000;
  const claims = {
    iss: host.origin,
    aud: 'https://api.test',
    iat: issuedAt,
    exp: issuedAt + 300,
  };
  return `${encode({ alg: 'RS256', typ: 'at+jwt', kid })}.${encode(claims)}`;
}

const publicHalf = (key: KeyObject, kid: string): JsonWebKey & { kid: string } => ({
  ...key.export({ format: 'jwk' }),
  kid,
});

test.each([
  [2048, 'allowed'],
  [2040, '401 ERR_TOKEN_KEY_UNKNOWN'],
  [1024, '401 ERR_TOKEN_KEY_UNKNOWN'],
])('an RSA key of %i bits: %s', async (modulusLength, expected) => {
  const scene = await openScene();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
  scene.serve(json({ keys: [publicHalf(publicKey, 'rsa'), ...scene.issuer.jwks.keys] }));
  const input = unsigned(scene, 'rsa');
  const signature = sign('sha256', Buffer.from(input), privateKey).toString('base64url');
  expect(await scene.outcome(`${input}.${signature}`)).toBe(expected);
  expect(await scene.outcome()).toBe('allowed');
});

// RFC 8017 §9.2: what an RSA signature is before the private exponent is put to it.
function encoded(input: string, length: number): Buffer {
  const sha256 = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const end = Buffer.concat([Buffer.of(0), sha256, createHash('sha256').update(input).digest()]);
  return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(length - 2 - end.length, 0xff), end]);
}

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

test.each([
  ['1', 'AQ'],
  ['0', 'AA'],
  ['2', 'Ag'],
  ['4', 'BA'],
])('an RSA key with exponent %s is skipped, and nobody can sign without a key', async (_, e) => {
  const scene = await openScene();
  const jwk = { ...publicHalf(publicKey, 'rsa'), e };
  scene.serve(json({ keys: [jwk, ...scene.issuer.jwks.keys] }));
  const input = unsigned(scene, 'rsa');
  const forged = encoded(input, 256).toString('base64url');
  expect(await scene.outcome(`${input}.${forged}`)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  expect(await scene.outcome()).toBe('allowed');
});
