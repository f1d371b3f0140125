import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { promisify } from 'node:util';

const signAside = promisify(sign);
/** Of an RS256 token: what several authorization servers' tokens come to. */
const usualLength = 907;
let serial = 0;

/**
 * Mints a pool of distinct tokens: `headers[i]` is an Authorization header as the socket would
 * hold it, `subjects[i]` is who it speaks for. `bend` changes header, claims or key of each;
 * `spoil` changes the finished text.
 */
export async function mint(issuer, count, { algorithm = 'RS256', bend, spoil } = {}) {
  const key = importKey(issuer, algorithm);
  const pool = { algorithm, headers: new Array(count), subjects: new Array(count) };
  let next = 0;
  async function lane() {
    while (next < count) {
      const i = next++;
      const parts = partsOf(issuer, algorithm);
      pool.subjects[i] = parts.claims.sub;
      const { header, claims, key: other = key } = bend?.(parts) ?? parts;
      const token = await compact(header, claims, { algorithm, key: other });
      pool.headers[i] = Buffer.from(`Bearer ${spoil?.(token) ?? token}`, 'latin1');
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane));
  return pool;
}

/** Some of a pool. */
export const part = (pool, from, to) => ({
  ...pool,
  headers: pool.headers.slice(from, to),
  subjects: pool.subjects.slice(from, to),
});

/** The token of a header. */
export const tokenOf = (authorization) => authorization.slice('Bearer '.length);

const imported = new Map();

function importKey(issuer, algorithm) {
  const { kid, privateJwk } = issuer.keys[algorithm];
  const name = `${issuer.issuer} ${kid}`;
  if (!imported.has(name)) {
    imported.set(name, createPrivateKey({ key: privateJwk, format: 'jwk' }));
  }
  return imported.get(name);
}

function partsOf({ issuer, audience, keys }, algorithm) {
  serial += 1;
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    aud: audience,
    sub: `user_${String(serial).padStart(8, '0')}`,
    client_id: 'warehouse-sync',
    org_id: 'org_acme',
    scope: 'openid orders:read orders:write stock:read',
    jti: randomUUID(),
    iat: now,
    exp: now + 3600,
    context: '',
  };
  const header = { alg: algorithm, typ: 'at+jwt', kid: keys[algorithm].kid };
  claims.context = 'x'.repeat(lengthOfPayload(keys) - JSON.stringify(claims).length);
  return { header, claims };
}

// 342 characters are an RS256 signature. Other algorithms get the same payload.
function lengthOfPayload(keys) {
  const header = encode({ alg: 'RS256', typ: 'at+jwt', kid: keys.RS256.kid });
  return Math.floor(((usualLength - 342 - 2 - header.length) * 3) / 4);
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function compact(header, claims, { algorithm, key }) {
  const signed = `${encode(header)}.${encode(claims)}`;
  const digest = algorithm === 'EdDSA' ? null : 'sha256';
  const signature = await signAside(digest, Buffer.from(signed), {
    key,
    dsaEncoding: 'ieee-p1363',
  });
  return `${signed}.${signature.toString('base64url')}`;
}
