import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { judge } from '../rfc/ask.js';
import { guardFor, keyFor, mint, named } from '../rfc/mint.js';

const key = await keyFor('ES256');
const second = named(await keyFor('ES256', 'other'), 'second');
const token = mint(key);
const nameless = mint(key, { header: { kid: undefined } });
const { alg, use, ...bare } = key.jwk as Record<string, unknown>;
const reversed = Object.fromEntries(Object.entries(key.jwk).reverse());

describe('entries with the same public key are one key', () => {
  test.each<[string, unknown[]]>([
    ['twice', [key.jwk, { ...key.jwk }]],
    ['three times', [key.jwk, { ...key.jwk }, { ...key.jwk }]],
    ['in another order of members', [key.jwk, reversed]],
    ['with and without alg', [key.jwk, bare]],
    ['with members that nobody knows', [key.jwk, { ...key.jwk, issued: 1, x: key.jwk.x }]],
    ['once for encryption', [key.jwk, { ...bare, use: 'enc' }]],
    ['with another spelling of a coordinate', [key.jwk, { ...key.jwk, x: `${key.jwk.x}=` }]],
  ])('%s', async (_, keys) => {
    const guard = guardFor(keys);
    expect(await judge(guard, token)).toBe('allowed');
    expect(await judge(guard, nameless)).toBe('allowed');
  });

  test('under two kids, for a token that names none', async () => {
    expect(await judge(guardFor([key.jwk, { ...key.jwk, kid: 'alias' }]), nameless)).toBe(
      'allowed',
    );
  });

  test('and two public keys under one kid are two', async () => {
    const keys = [key.jwk, { ...key.jwk }, { ...second.jwk, kid: key.kid }];
    expect(await judge(guardFor(keys), token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });
});

describe('thumbprints of a certificate, where there is no kid', () => {
  const certificate = Buffer.from('a certificate');
  const x5t = createHash('sha1').update(certificate).digest('base64url');
  const x5tS256 = createHash('sha256').update(certificate).digest('base64url');
  const x5c = [certificate.toString('base64'), 'AAAA'];
  const other = { ...second.jwk, x5t: 'other', 'x5t#S256': 'other' };
  const named = (header: object) => mint(key, { header: { kid: undefined, ...header } });

  test.each<[string, object, object]>([
    ['x5t', { x5t }, { x5t }],
    ['x5t#S256', { 'x5t#S256': x5tS256 }, { 'x5t#S256': x5tS256 }],
    ['x5t of x5c', { x5t }, { x5c }],
    ['x5t#S256 of x5c', { 'x5t#S256': x5tS256 }, { x5c }],
    ['both', { x5t, 'x5t#S256': x5tS256 }, { x5c }],
    ['both, of which the set tells one', { x5t, 'x5t#S256': x5tS256 }, { x5t }],
  ])('%s selects the key among several that fit', async (_, header, members) => {
    expect(await judge(guardFor([other, { ...key.jwk, ...members }]), named(header))).toBe(
      'allowed',
    );
  });

  test.each<[string, object, string]>([
    ['a thumbprint that no key has', { x5t: 'stranger' }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['thumbprints of two keys', { x5t, 'x5t#S256': 'other' }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['another key’s thumbprint', { x5t: 'other' }, 'ERR_TOKEN_SIGNATURE'],
    ['no thumbprint', {}, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['one that is no string', { x5t: 1 }, 'ERR_TOKEN_KEY_UNKNOWN'],
  ])('%s selects no other', async (_, header, code) => {
    const guard = guardFor([other, { ...key.jwk, x5c }]);
    expect(await judge(guard, named(header))).toBe(code);
  });

  test('an empty kid is a kid: of the keys without one', async () => {
    const emptied = named({ kid: '', x5t });
    expect(await judge(guardFor([other, { ...key.jwk, x5t }]), emptied)).toBe(
      'ERR_TOKEN_KEY_UNKNOWN',
    );
    expect(await judge(guardFor([other, { ...key.jwk, kid: '' }]), emptied)).toBe('allowed');
  });

  test('a kid counts more', async () => {
    const guard = guardFor([other, { ...key.jwk, x5t }]);
    expect(await judge(guard, mint(key, { header: { x5t: 'other' } }))).toBe('allowed');
  });

  test('a key whose certificate the set does not tell may be the one that is named', async () => {
    expect(await judge(guardFor([key.jwk]), named({ x5t }))).toBe('allowed');
    expect(await judge(guardFor([key.jwk, second.jwk]), named({ x5t }))).toBe(
      'ERR_TOKEN_KEY_UNKNOWN',
    );
  });
});
