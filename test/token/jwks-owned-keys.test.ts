import { expect, test } from 'vitest';
import { judge } from '../rfc/ask.js';
import { guardFor, keyFor, mint, named } from '../rfc/mint.js';

// Microsoft's key sets say of each key whose tokens it signs.

const key = await keyFor('ES256');
const beside = named(await keyFor('ES256', 'other'), 'beside');
const tenant = 'https://login.test/3b2a/v2.0';

async function verdict(owner: unknown, issuer = tenant): Promise<string> {
  const guard = guardFor([{ ...key.jwk, issuer: owner }, beside.jwk], { issuer });
  return judge(guard, mint(key, { claims: { iss: issuer } }));
}

test.each([
  ['its own', tenant],
  ['any tenant', 'https://login.test/{tenantid}/v2.0'],
  ['nobody', undefined],
  ['nobody, as null', null],
  ['nobody, as ""', ''],
])('a key for %s verifies', async (_, owner) => {
  expect(await verdict(owner)).toBe('allowed');
});

test.each([
  'https://login.test/9188/v2.0',
  'https://login.test/3b2a/v2.0/',
  'https://login.test/3b2a',
  'https://LOGIN.test/3b2a/v2.0',
  'https://login.test/{tenantid}',
  'https://login.test/{tenantid}/v1.0',
  'https://login.test/{tenantid}/v2.0/',
  'https://login.test/{TENANTID}/v2.0',
  'https://login.test/{tenant}/v2.0',
  'https://login.test/x{tenantid}/v2.0',
  'https://{tenantid}/3b2a/v2.0',
  '{tenantid}//login.test/3b2a/v2.0',
  'https://other.test/{tenantid}/v2.0',
  '{tenantid}',
  42,
  {},
  [tenant],
])('a key for %j verifies nothing of another issuer', async (owner) => {
  expect(await verdict(owner)).toBe('ERR_TOKEN_KEY_UNKNOWN');
});

test.each([
  'https://login.test/a/b/v2.0',
  'https://login.test//v2.0',
  'https://login.test/../v2.0',
  'https://login.test/a%2Fb/v2.0',
  'https://login.test/a;b/v2.0',
])('{tenantid} is one plain segment of a path, and not %s', async (issuer) => {
  expect(await verdict('https://login.test/{tenantid}/v2.0', issuer)).toBe('ERR_TOKEN_KEY_UNKNOWN');
});

test.each(['https://login.test/contoso.example/v2.0', 'https://login.test/A-1_b/v2.0'])(
  'nor does it have to be an id: %s',
  async (issuer) => {
    expect(await verdict('https://login.test/{tenantid}/v2.0', issuer)).toBe('allowed');
  },
);

test('without a kid, a key of another issuer is not the only key that fits', async () => {
  const guard = guardFor([{ ...key.jwk, issuer: 'https://other.test' }, beside.jwk]);
  expect(await judge(guard, mint(key, { header: { kid: undefined } }))).toBe('ERR_TOKEN_SIGNATURE');
  expect(await judge(guard, mint(beside, { header: { kid: undefined } }))).toBe('allowed');
});
