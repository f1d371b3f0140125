import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { compactVerify, createLocalJWKSet, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import type { Algorithm } from '../../src/index.js';
import { createTestKey, type TestKey } from '../../src/testing/token.js';
import { bearing } from '../rfc/ask.js';
import {
  allAlgorithms,
  audience,
  encode,
  guardFor,
  issuer,
  keyFor,
  named,
  now,
} from '../rfc/mint.js';
import { inFull, runs } from '../runs.js';
import {
  claims,
  createDraw,
  type Draw,
  type Family,
  headers,
  json,
  keys as keysOf,
  mutated,
  signAs,
  spelling,
  valid,
} from './bent.js';
import { rfc7515, rfc9068 } from './rfc-examples.js';
import { absence, read, verify } from './verify.js';

/** What is made of a token: by us the reason, by the reference whether it is good. */
interface Verdicts {
  readonly token: string;
  readonly ours: string;
  readonly theirs: boolean;
}

// What the reference takes and we do not. There is no list of what we take and it does not.

/** A token as a lax reader sees it. */
interface Look {
  readonly token: string;
  readonly texts: readonly string[];
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

function look(token: string): Look {
  const parts = token.split('.').map((segment) => Buffer.from(segment, 'base64url'));
  const texts = parts.slice(0, 2).map((bytes) => bytes.toString('utf8'));
  const [header, claims] = texts.map((text) => JSON.parse(text.replace(/^\ufeff/, '')));
  return { token, texts, header, claims };
}

const isStrict = (segment: string): boolean =>
  /^[\w-]+$/.test(segment) && Buffer.from(segment, 'base64url').toString('base64url') === segment;

/** The names that stand twice in one object, by the marks alone, and `__proto__`. */
function* oddNames(text: string): Generator<unknown> {
  const open: (Set<unknown> | undefined)[] = [];
  for (const [mark, , colon] of text.matchAll(/[{}[\]]|"((?:[^"\\]|\\.)*)"(\s*:)?/g)) {
    if (mark === '{') open.push(new Set());
    else if (mark === '[') open.push(undefined);
    else if (mark === '}' || mark === ']') open.pop();
    else if (colon) {
      const name: unknown = JSON.parse(mark.slice(0, -colon.length));
      const names = open.at(-1);
      if (name === '__proto__' || names?.has(name)) yield name;
      names?.add(name);
    }
  }
}

const typeOf = ({ typ }: Look['header']): unknown =>
  typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;

type Reason = readonly [code: string, applies: (look: Look) => boolean];

/** Another kind of token, by one of its claims. */
const kind = (name: string, good?: string): Reason => [
  'ERR_TOKEN_NOT_ACCESS_TOKEN',
  ({ claims }) => name in claims && claims[name] !== good,
];

const stricter: Readonly<Record<string, Reason>> = {
  'RFC 7515 §2: padding': ['ERR_TOKEN_MALFORMED', ({ token }) => token.endsWith('=')],
  'RFC 4648 §3.5: bits left over': [
    'ERR_TOKEN_MALFORMED',
    ({ token }) => /^[\w.-]+$/.test(token) && !token.split('.').every(isStrict),
  ],
  'RFC 6750 §2.1: what cannot stand in the header': [
    'ERR_HEADER_MALFORMED',
    ({ token }) => !/^[\w\-.~+/]+=*$/.test(token),
  ],
  'RFC 8259 §4: a name twice': [
    'ERR_TOKEN_MALFORMED',
    ({ texts }) => texts.some((text) => [...oddNames(text)].some((name) => name !== '__proto__')),
  ],
  'a name that some readers take for another thing': [
    'ERR_TOKEN_MALFORMED',
    ({ texts }) => texts.some((text) => [...oddNames(text)].includes('__proto__')),
  ],
  'RFC 8259 §8.1: a byte order mark': [
    'ERR_TOKEN_MALFORMED',
    ({ texts }) => texts.some((text) => text.startsWith('\ufeff')),
  ],
  'RFC 8725 §3.11: another type': [
    'ERR_TOKEN_TYPE',
    ({ header }) => !['at+jwt', 'jwt', undefined].includes(typeOf(header) as string),
  ],
  'RFC 7515 §4.1.11: what is critical': ['ERR_TOKEN_CRITICAL', ({ header }) => 'crit' in header],
  'RFC 7797 §6: an encoding of the payload that is not critical': [
    'ERR_TOKEN_CRITICAL',
    ({ header }) => 'b64' in header && !('crit' in header),
  ],
  'OpenID Connect Core §3.1.3.6: an ID token, by at_hash': kind('at_hash'),
  'OpenID Connect Core §3.3.2.11: an ID token, by c_hash': kind('c_hash'),
  'RFC 8417 §2.2: a security event': kind('events'),
  'an ID token, by a nonce without a scope': [
    'ERR_TOKEN_NOT_ACCESS_TOKEN',
    ({ claims }) => 'nonce' in claims && !('scope' in claims),
  ],
  'a token for another use': kind('token_use', 'access'),
  'RFC 7800 §3.1: a key to be proved': ['ERR_TOKEN_BOUND', ({ claims }) => 'cnf' in claims],
  'RFC 7519 §4.1.6: issued later': [
    'ERR_TOKEN_IAT_IN_FUTURE',
    ({ claims }) => Number(claims.iat) > now() / 1000 + 60,
  ],
  'RFC 7519 §2: a time in milliseconds': [
    'ERR_TOKEN_TIME',
    ({ claims: { exp, nbf, iat } }) => [exp, nbf, iat].some((one) => Math.abs(Number(one)) >= 1e11),
  ],
  'RFC 7519 §4.1.3: an audience that is no text': [
    'ERR_TOKEN_AUDIENCE',
    ({ claims: { aud } }) => Array.isArray(aud) && aud.some((one) => typeof one !== 'string'),
  ],
  'more than 16 KiB': ['ERR_TOKEN_TOO_LARGE', ({ token }) => token.length > 16_384],
};

/** The first of these that it was; by its code, where there is one. */
function reasonOf({ token, ours }: Verdicts): string | undefined {
  const seen = look(token);
  const wanted = Object.entries(stricter).find(
    ([, [code, applies]]) => (ours === 'allowed' || code === ours) && applies(seen),
  );
  return wanted?.[0];
}

const keys = await Promise.all(allAlgorithms.map((algorithm) => keyFor(algorithm)));
const byName = (...names: readonly string[]) => keys.filter(({ kid }) => names.includes(kid));
const strangers = await Promise.all(
  (['EdDSA', 'ES256', 'ES384'] as const).map(async (name) =>
    named(await createTestKey(name), name),
  ),
);
const common = { keys, quick: byName('EdDSA', 'Ed25519', 'ES256'), strangers };

/** How an issuer publishes its keys, and which algorithms are taken of it. */
interface Setting {
  readonly how: string;
  /** Of all tokens. */
  readonly share: number;
  readonly published: readonly object[];
  readonly algorithms: readonly Algorithm[];
}

const bare = ({ jwk: { alg, use, ...jwk } }: TestKey) => jwk;
const settings: readonly Setting[] = [
  {
    how: 'each key for one algorithm',
    share: 0.7,
    published: keys.map(({ jwk }) => jwk),
    algorithms: allAlgorithms,
  },
  {
    how: 'each key for all that it can do',
    share: 0.2,
    published: byName('RS256', 'ES256', 'ES384', 'ES512', 'EdDSA').map(bare),
    algorithms: allAlgorithms,
  },
  {
    how: 'few algorithms',
    share: 0.1,
    published: keys.map(({ jwk }) => jwk),
    algorithms: ['ES256', 'EdDSA', 'PS256'],
  },
];

/** Both verdicts, of verifiers that are set up alike. */
function createJudges({ published, algorithms }: Setting) {
  const guard = guardFor(published, { algorithms });
  const jwks = createLocalJWKSet({ keys: published as never });
  const options = {
    ...{ issuer, audience, algorithms: [...algorithms], requiredClaims: ['exp'] },
    // A whole second: of less, the reference makes one.
    ...{ clockTolerance: 5, currentDate: new Date(now()) },
  };
  return {
    async judge(token: string): Promise<Verdicts> {
      const [decision, theirs] = await Promise.all([
        guard(bearing(token)),
        jwtVerify(token, jwks, options).catch(() => undefined),
      ]);
      const read = decision.allowed ? decision.principal?.claims : undefined;
      if (read && theirs && !isDeepStrictEqual(read, theirs.payload)) {
        expect(read).toEqual(theirs.payload);
      }
      const ours = decision.allowed ? 'allowed' : decision.error.code;
      return { token, ours, theirs: theirs !== undefined };
    },
  };
}

const seed = Number(process.env.JOSE_SEED ?? randomInt(2 ** 32));
const families: readonly (readonly [name: string, family: Family, count: number])[] = [
  ['good', valid, 5_000],
  ['with other claims', claims, 8_000],
  ['with another header', headers, 9_000],
  ['with another key or algorithm', keysOf, 6_000],
  ['in odd base64url', spelling, 10_000],
  ['in odd JSON', json, 9_000],
  ['mutated', mutated, 53_500],
];
/** As many are judged at once. */
const batch = runs(250, 50);
const met = new Set<string>();
const seen = { judged: 0, allowed: 0, refused: 0 };

// Mostly of what is quickly verified: most of what is made of it gets that far.
function goodOne(draw: Draw): string {
  const quick = draw.chance(0.7) ? byName('RS256', 'PS256') : common.quick;
  return valid(draw, { ...common, quick, good: [] });
}

describe.each(families)('the reference judges tokens no other way: %s', (...given) => {
  const [name, family, count] = given;

  test.each(settings)('$how', { timeout: 120_000 }, async (setting) => {
    const draw = createDraw(seed + name.length * 1_000 + setting.how.length);
    const { judge } = createJudges(setting);
    const good = Array.from({ length: 60 }, () => goodOne(draw));
    for (let made = 0; made < runs(count, batch) * setting.share; made += batch) {
      const tokens = Array.from({ length: batch }, () => family(draw, { ...common, good }));
      for (const verdicts of await Promise.all(tokens.map(judge))) {
        const { ours, theirs } = verdicts;
        seen.judged += 1;
        seen[ours === 'allowed' ? 'allowed' : 'refused'] += 1;
        if (ours !== 'allowed' && !theirs) continue;
        const reason = reasonOf(verdicts);
        // What we take, the reference takes, and nothing in the list is said against it. What it takes
        // and we do not has a reason there.
        const explained = ours === 'allowed' ? theirs && !reason : reason !== undefined;
        expect(explained || { seed, reason, ...verdicts }).toBe(true);
        if (reason) met.add(reason);
      }
    }
  });
});

describe.runIf(inFull)('of all these', () => {
  test('there were 100 000, good ones and bad ones', () => {
    expect(seen.judged).toBeGreaterThanOrEqual(100_000);
    expect(seen.allowed).toBeGreaterThan(10_000);
    expect(seen.refused).toBeGreaterThan(50_000);
  });

  test('each reason to be stricter was met', () => {
    expect([...met].sort()).toEqual(Object.keys(stricter).sort());
  });
});

/** What is made of a signature alone, for a payload that is no claim set. */
async function judgeSignature(token: string, published: object): Promise<Verdicts> {
  const list = 'keys' in published ? (published.keys as object[]) : [published];
  const theirs = await Promise.resolve()
    .then(() =>
      compactVerify(token, createLocalJWKSet({ keys: list.map(publicHalf) as never }), {
        algorithms: [...allAlgorithms],
      }),
    )
    .then(
      () => true,
      () => false,
    );
  return { token, ours: await verify(token, { keys: list.map(publicHalf) }), theirs };
}

const secrets = ['d', 'p', 'q', 'dp', 'dq', 'qi'];
const publicHalf = (jwk: object) =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !secrets.includes(name)));

/** Both take it, or neither does. */
const expectAgreement = ({ ours, theirs, token }: Verdicts) =>
  expect([ours === 'valid', token]).toEqual([theirs, token]);

describe('the examples of RFC 7515', () => {
  test.each(rfc7515)('$name, $alg', async ({ alg, jwk, token }) => {
    const verdicts = await judgeSignature(token, jwk ?? { keys: [] });
    expectAgreement(verdicts);
    const asymmetric = alg.startsWith('HS') || alg === 'none' ? 'refused' : 'valid';
    expect(verdicts.ours === 'valid' ? 'valid' : 'refused').toBe(asymmetric);
  });

  test.runIf(inFull).each(rfc7515.filter(({ jwk, alg }) => jwk && alg !== 'HS256'))(
    '$name, each character changed',
    async ({ jwk, token }) => {
      for (let at = 0; at < token.length; at += 1) {
        const other = token[at] === 'A' ? 'B' : 'A';
        const bent = token.slice(0, at) + other + token.slice(at + 1);
        const verdicts = await judgeSignature(bent, jwk as object);
        if (verdicts.theirs) expect(reasonFor(bent)).toBe(true);
        else expect(verdicts.ours).not.toBe('valid');
      }
    },
  );

  // The bits left over at the end of a signature: RFC 4648 §3.5.
  const reasonFor = (token: string) => !token.split('.').every(isStrict);
});

describe('the example of RFC 9068', () => {
  const { header, claims } = rfc9068;

  test.each([
    ['as it is', {}, {}, true],
    ['for another audience', {}, { aud: 'https://other.example.com/' }, false],
    ['of another issuer', {}, { iss: 'https://authorization-server.example.com' }, false],
    ['when it is over', {}, { exp: claims.iat - 10 }, false],
    ['of another key', { kid: 'RjEwOwOB' }, {}, false],
  ])('%s', async (_, bentHeader, bentClaims, good) => {
    const key = named(await keyFor('RS256'), header.kid);
    const parts = [
      { ...header, ...bentHeader },
      { ...claims, ...bentClaims },
    ];
    const token = signAs(key, parts.map((part) => encode(JSON.stringify(part))).join('.'));
    const currentDate = new Date(claims.iat * 1000);
    const guard = guardFor([key.jwk], {
      ...{ issuer: claims.iss, audience: claims.aud, typ: ['at+jwt'] },
      now: () => currentDate.getTime(),
    });
    const theirs = await jwtVerify(token, createLocalJWKSet({ keys: [key.jwk as never] }), {
      ...{ issuer: claims.iss, audience: claims.aud, typ: 'at+jwt', clockTolerance: 5 },
      currentDate,
    }).then(
      () => true,
      () => false,
    );
    expect([(await guard(bearing(token))).allowed, theirs]).toEqual([good, good]);
  });
});

if (absence) {
  console.log(`the vectors: skipped, ${absence}`);
  test('the vectors', ({ skip }) => skip(absence));
} else {
  // RFC 7520 §4 and RFC 8037 A: what is in compact form.
  const cookbook = [
    'jws_4_1.rsa_v15_signature',
    'jws_4_2.rsa-pss_signature',
    'jws_4_3.ecdsa_signature',
    'jws_4_4.hmac-sha2_integrity_protection',
    'jws_4_5.signature_with_detached_content',
    'curve25519_jws',
  ];

  test.each(cookbook)('cookbook/%s', async (name) => {
    const { input, output } = read(`cookbook/${name}.json`);
    expectAgreement(await judgeSignature(output.compact, input.key));
  });

  // What we refuse of these, and the reference does not: by its reason, which it has to bear out.
  const emptyPayload = (token: string) => token.split('.')[1] === '';
  const refused: Readonly<Record<string, ReadonlyMap<number, string>>> = {
    json_web_signature_test: new Map([259, 264, 268, 272, 320, 325].map((id) => [id, 'no claims'])),
    json_web_key_test: new Map([
      [7, 'a modulus whose factors can be found: CVE-2017-15361'],
      [9, 'an exponent of 1'],
    ]),
    json_web_crypto_test: new Map([[46, 'a modulus whose factors can be found: CVE-2017-15361']]),
  };

  test.each(Object.keys(refused))('wycheproof/%s', async (file) => {
    const differ: number[] = [];
    for (const group of read(`wycheproof/${file}.json`).testGroups) {
      const published = group.public ?? group.private;
      for (const { tcId, jws, jwe } of group.tests) {
        const given = jws ?? jwe;
        const token = typeof given === 'string' ? given : JSON.stringify(given);
        const { ours, theirs } = await judgeSignature(token, published);
        if ((ours === 'valid') === theirs) continue;
        expect([tcId, ours, theirs]).not.toEqual([tcId, 'valid', false]);
        differ.push(tcId);
        const reason = refused[file]?.get(tcId);
        if (reason === 'no claims') expect(emptyPayload(token)).toBe(true);
        if (reason === 'an exponent of 1') expect(published.keys[0].e).toBe('AQ');
      }
    }
    expect(differ).toEqual([...(refused[file]?.keys() ?? [])]);
  });
}
