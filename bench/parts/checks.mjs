import { createHmac, createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import { contestants, prepare } from '../contestants/index.mjs';
import { verdictOf } from '../harness/drive.mjs';
import { part } from '../harness/part.mjs';
import { mint } from '../harness/tokens.mjs';

// Who takes one of these is no verifier, and nothing is measured.
const mustRefuse = {
  'a changed payload': { spoil: (token) => changeAt(token, token.indexOf('.') + 40) },
  'a changed signature': { spoil: (token) => changeAt(token, token.lastIndexOf('.') + 40) },
  'another key': { bend: (parts) => ({ ...parts, key: anotherKey }) },
  'alg none': { spoil: unsigned },
  'HS256 with the public key': { spoil: hmacSigned },
  'an expired token': { bend: (parts) => withClaims(parts, { exp: parts.claims.iat - 600 }) },
  'another audience': { bend: (parts) => withClaims(parts, { aud: 'https://other.example.com' }) },
  'another issuer': { bend: (parts) => withClaims(parts, { iss: 'https://evil.example.com' }) },
};

// What a resource server should refuse too, and not every library does.
const shouldRefuse = {
  'no exp': { bend: (parts) => withClaims(parts, { exp: undefined }) },
  'no aud': { bend: (parts) => withClaims(parts, { aud: undefined }) },
  'nbf to come': { bend: (parts) => withClaims(parts, { nbf: parts.claims.iat + 600 }) },
  'a logout token (typ)': { bend: (parts) => withHeader(parts, { typ: 'logout+jwt' }) },
  'an ID token (at_hash)': { bend: (parts) => withClaims(parts, { at_hash: 'x' }) },
  'an unknown crit': { bend: (parts) => withHeader(parts, { crit: ['x'], x: 1 }) },
  'a DPoP-bound token as bearer': {
    bend: (parts) => withClaims(parts, { cnf: { jkt: 'x'.repeat(43) } }),
  },
  'a scope that lacks': { bend: (parts) => withClaims(parts, { scope: 'openid stock:read' }) },
};

const anotherKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
let publicPem = '';

part(async ({ issuer }) => {
  const key = createPublicKey({ key: issuer.keys.RS256.publicJwk, format: 'jwk' });
  publicPem = key.export({ type: 'spki', format: 'pem' });
  const ready = await prepare(contestants, issuer);
  const accepted = Object.fromEntries(ready.map(({ name }) => [name, []]));

  const good = await mint(issuer, 1);
  for (const { name, verify } of ready) {
    // Twice: a token that is known has to be as good as a new one.
    for (const _ of [1, 2]) {
      const verdict = await verdictOf(verify, good.headers[0].toString('latin1'));
      if (verdict !== good.subjects[0]) throw new Error(`${name} refuses a good token: ${verdict}`);
    }
  }
  for (const [probes, fatal] of [
    [mustRefuse, true],
    [shouldRefuse, false],
  ]) {
    for (const [probe, how] of Object.entries(probes)) {
      const { headers } = await mint(issuer, 1, how);
      for (const { name, verify } of ready) {
        const verdict = await verdictOf(verify, headers[0].toString('latin1'));
        if (typeof verdict === 'number' || verdict === 'thrown') continue;
        if (fatal) throw new Error(`${name} accepts ${probe}: nothing here can be trusted`);
        accepted[name].push(probe);
      }
    }
  }
  return {
    refused: Object.keys(mustRefuse).join(', '),
    tried: Object.keys(shouldRefuse).join(', '),
    contestants: Object.fromEntries(
      contestants.map(({ name, how, remembers, blocks }) => [
        name,
        { how, remembers, blocks, letsThrough: accepted[name].join(', ') },
      ]),
    ),
  };
});

const withClaims = (parts, claims) => ({ ...parts, claims: { ...parts.claims, ...claims } });
const withHeader = (parts, header) => ({ ...parts, header: { ...parts.header, ...header } });

function changeAt(token, at) {
  const other = token[at] === 'A' ? 'B' : 'A';
  return token.slice(0, at) + other + token.slice(at + 1);
}

const segment = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function unsigned(token) {
  return `${segment({ alg: 'none', typ: 'at+jwt' })}.${token.split('.')[1]}.`;
}

function hmacSigned(token) {
  const header = JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));
  const signed = `${segment({ ...header, alg: 'HS256' })}.${token.split('.')[1]}`;
  const mac = createHmac('sha256', createSecretKey(publicPem, 'utf8')).update(signed);
  return `${signed}.${mac.digest('base64url')}`;
}
