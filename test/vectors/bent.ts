import { constants, sign } from 'node:crypto';
import type { TestKey } from '../../src/testing/token.js';
import { audience, encode, issuer, seconds } from '../rfc/mint.js';
import { runs } from '../runs.js';

/** Draws that look random, and come again with the same seed. */
export interface Draw {
  /** A whole number from 0 up to and without this one. */
  below(end: number): number;
  pick<T>(list: readonly T[]): T;
  /** True as often as this share says. */
  chance(share: number): boolean;
}

/** Mulberry32: what is drawn has to be spread, not secret. */
export function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    pick: (list) => list[below(list.length)] as (typeof list)[0],
    chance: (share) => next() < share,
  };
}

/** What tokens are made of and from. */
export interface Stock {
  /** Published, each for one algorithm. */
  readonly keys: readonly TestKey[];
  /** The ones that are quickly signed with. */
  readonly quick: readonly TestKey[];
  /** Published by nobody, under the same kids. */
  readonly strangers: readonly TestKey[];
  /** Good ones, to be bent. */
  readonly good: readonly string[];
}

/** One way of making tokens that may not be good. */
export type Family = (draw: Draw, stock: Stock) => string;

/** Signs what stands there, be it base64url or not. */
export function signAs(
  { algorithm, privateKey: key }: TestKey,
  input: string,
  saltLength: number = constants.RSA_PSS_SALTLEN_DIGEST,
): string {
  const data = Buffer.from(input);
  const hash = `sha${algorithm.slice(2)}`;
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  let signature: Buffer;
  if (algorithm.startsWith('Ed')) signature = sign(null, data, key);
  else if (algorithm.startsWith('PS')) signature = sign(hash, data, { key, padding, saltLength });
  else signature = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const headerOf = ({ algorithm: alg, kid }: TestKey, draw: Draw) => ({
  alg,
  ...(draw.chance(0.9) && { kid }),
  ...(draw.chance(0.8) && { typ: draw.pick(['at+jwt', 'JWT', 'jwt', 'application/at+jwt']) }),
});

const words = [
  '',
  'a',
  'orders:read',
  'é',
  '\u{1f511}',
  '"',
  '\\',
  '\u2028',
  '\ud800',
  '\0',
  'x.y',
];

/** Any JSON, not too large. */
function anyJson(draw: Draw, depth = 0): unknown {
  const kind = draw.below(depth > 3 ? 5 : 7);
  if (kind === 0) return draw.pick([null, true, false]);
  if (kind === 1) return draw.pick([0, -0, 1, -1.5, 1e21, 5e-324, seconds, 2 ** 53]);
  if (kind < 5) return draw.pick(words);
  const some = Array.from({ length: draw.below(4) }, () => anyJson(draw, depth + 1));
  return kind === 5
    ? some
    : Object.fromEntries(some.map((one, i) => [`${draw.pick(words)}${i}`, one]));
}

const claimsOf = (draw: Draw): Record<string, unknown> => ({
  iss: issuer,
  aud: draw.chance(0.8) ? audience : ['https://other.test', audience],
  exp: seconds + draw.below(100_000) + 1,
  ...(draw.chance(0.8) && { iat: seconds - draw.below(100_000) }),
  ...(draw.chance(0.3) && { nbf: seconds - draw.below(100_000) }),
  ...(draw.chance(0.8) && { sub: `user_${draw.below(1e6)}`, scope: 'a b' }),
  ...(draw.chance(0.5) && { client_id: 'client_1', jti: `${draw.below(1e9)}` }),
  ...(draw.chance(0.3) && { extra: anyJson(draw) }),
});

/** Good in every way, with an algorithm of any kind. */
export const valid: Family = (draw, { keys, quick }) => {
  const key = draw.chance(0.1) ? draw.pick(keys) : draw.pick(quick);
  return tokenOf(headerOf(key, draw), claimsOf(draw), key);
};

const tokenOf = (header: unknown, claims: unknown, key: TestKey) =>
  signAs(key, `${encode(JSON.stringify(header))}.${encode(JSON.stringify(claims))}`);

const near = [-1e9, -301, -6, -5.5, -5, -4.5, -1, 0, 1, 4.5, 5, 5.5, 6, 60, 61, 301, 1e9];
const times = [1e11, -1e11, 1e11 - 1, 1e300, seconds * 1000, '1', `${seconds}`, null, true, [], {}];
const audiences = [
  ...['', 'https://other.test', `${audience}/`, audience.toUpperCase(), null, 1, true, {}, []],
  ...[[audience], [audience, audience], [audience, 1], [null, audience], [[audience]], [1]],
  ...[{ 0: audience, length: 1 }, ['https://other.test'], [audience, 'https://other.test']],
];

/** Well signed, with claims that may be wrong. */
export const claims: Family = (draw, { quick }) => {
  const key = draw.pick(quick);
  const bent: Record<string, unknown> = claimsOf(draw);
  for (let i = draw.below(2); i >= 0; i -= 1) {
    const kind = draw.below(8);
    const name = draw.pick(['exp', 'nbf', 'iat']);
    if (kind < 3) bent[name] = seconds + draw.pick(near);
    else if (kind === 3) bent[name] = draw.pick(times);
    else if (kind === 4) bent.aud = draw.pick(audiences);
    else if (kind === 5) {
      bent.iss = draw.pick(['', `${issuer}/`, issuer.toUpperCase(), null, [issuer], 1, {}]);
    } else if (kind === 6) delete bent[draw.pick(Object.keys(bent))];
    else {
      bent[draw.pick(['at_hash', 'c_hash', 'events', 'token_use', 'cnf', 'nonce', 'azp'])] =
        draw.pick(['access', 'id', null, {}, 'a']);
    }
  }
  return tokenOf(headerOf(key, draw), bent, key);
};

const types = ['at+jwt', 'AT+JWT', 'JWT', 'dpop+jwt', 'id_token', '', 'at+jwt ', null, 1, ['JWT']];
const criticals = [[], ['exp'], ['b64'], ['alg'], 'b64', null, [''], [1], ['b64', 'b64'], ['kid']];

/** Well signed, with a header that may be wrong. */
export const headers: Family = (draw, { keys, quick }) => {
  const key = draw.pick(quick);
  const bent: Record<string, unknown> = headerOf(key, draw);
  for (let i = draw.below(2); i >= 0; i -= 1) {
    const kind = draw.below(7);
    const other = draw.pick(keys);
    if (kind === 0) bent.typ = draw.pick(types);
    else if (kind === 1) {
      bent.alg = draw.pick(['none', 'HS256', 'es256', 'EDDSA', '', null, 1, [], other.algorithm]);
    } else if (kind === 2) bent.kid = draw.pick([other.kid, '', 'unknown', null, 1, [key.kid], {}]);
    else if (kind === 3) bent.crit = draw.pick(criticals);
    else if (kind === 4) bent.b64 = draw.pick([true, false, null, 'true']);
    else if (kind === 5) {
      bent[draw.pick(['jwk', 'jku', 'x5u', 'x5c', 'enc', 'zip', 'cty'])] = draw.pick([
        key.jwk,
        'https://evil.test/jwks',
        [],
        'JWT',
      ]);
    } else delete bent[draw.pick(['alg', 'kid', 'typ'])];
  }
  return tokenOf(bent, claimsOf(draw), key);
};

/** Signed with another key, for another algorithm than it says, or with salt of another length. */
export const keys: Family = (draw, { keys, quick, strangers }) => {
  const [named, other] = [draw.pick(quick), draw.pick(keys)];
  const stranger = draw.pick(strangers);
  const kind = draw.below(9);
  const header = headerOf(named, draw);
  if (kind === 8) {
    const [padded] = keys.filter(({ algorithm }) => algorithm === 'PS256') as [TestKey];
    const parts = [headerOf(padded, draw), claimsOf(draw)];
    const input = parts.map((part) => encode(JSON.stringify(part))).join('.');
    return signAs(padded, input, draw.pick([0, 20, 31, 32, 33, 64]));
  }
  if (kind < 2) return tokenOf(headerOf(stranger, draw), claimsOf(draw), stranger);
  if (kind < 4) return tokenOf(header, claimsOf(draw), draw.chance(0.1) ? other : stranger);
  if (kind < 6) return tokenOf({ ...header, kid: other.kid }, claimsOf(draw), named);
  return tokenOf({ ...header, alg: other.algorithm, kid: other.kid }, claimsOf(draw), named);
};

/** Writes a segment in another way that some decoders take for the same, or nearly. */
function respell(draw: Draw, segment: string): string {
  const at = draw.below(segment.length + 1);
  const kind = draw.below(8);
  const [before, after] = [segment.slice(0, at), segment.slice(at)];
  if (kind === 0) return segment + draw.pick(['=', '==', '===']);
  if (kind === 1) return segment.padEnd(Math.ceil(segment.length / 4) * 4, '=');
  if (kind === 2) return segment.replaceAll('-', '+').replaceAll('_', '/');
  if (kind === 3) return `${before || 'e'}${draw.pick([' ', '\t', '\n', '\r\n', '\f'])}${after}`;
  if (kind === 4) return before + draw.pick(['+', '/', '=', '~', ',', '%', 'é', '\0']) + after;
  if (kind === 5) return segment + draw.pick(['A', 'AA', 'AAA', 'AAAA', 'B']);
  if (kind === 6) return segment.slice(0, -1 - draw.below(3));
  // The next letter: where bits are left over, these alone may differ.
  const last = letters.indexOf(segment.at(-1) ?? 'A');
  return segment.slice(0, -1) + letters[(last + 1 + draw.below(3)) % 64];
}
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Well signed as it stands, in base64url that may be odd. */
export const spelling: Family = (draw, { quick, good }) => {
  const place = draw.below(3);
  if (place === 2) {
    // A signature is what nothing else covers.
    const token = draw.pick(good);
    const dot = token.lastIndexOf('.') + 1;
    return token.slice(0, dot) + respell(draw, token.slice(dot));
  }
  const key = draw.pick(quick);
  const parts = [headerOf(key, draw), claimsOf(draw)].map((part) => encode(JSON.stringify(part)));
  parts[place] = respell(draw, parts[place] as string);
  return signAs(key, parts.join('.'));
};

/** JSON that may not be, or that two parsers read in two ways. */
function respeak(draw: Draw, value: Record<string, unknown>): string | Uint8Array {
  const text = JSON.stringify(value);
  const name = draw.pick(Object.keys(value));
  const again = JSON.stringify(draw.chance(0.5) ? value[name] : draw.pick(['none', 1, null]));
  // Deeper, the comparison in Node.js overflows the stack until it has been compiled.
  const deep = 1 + draw.below(runs(1_500, 1_000));
  const within = (more: string) => text.replace('{', `{${more},`);
  const at = draw.below(text.length);
  const bytes = Buffer.from(text);
  const ways: readonly (() => string | Uint8Array)[] = [
    () => within(`"${name}":${again}`),
    () => text.replace(/\}$/, `,"${name}":${again}}`),
    () => within(`"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}":${again}`),
    () => within(`"${name}"${draw.pick([' ', '\t', '\n', '\r', ' \r\n'])}:${again}`),
    () => within(`"a\\":"${draw.pick(['', ' '])}:{"\\"a\\":":1,"b":"\\":\\":"}`),
    () => within('"nested":{"a":1,"a":2}'),
    () => within('"nested":[{"a":[{"b":1,"b":1}]}]'),
    () => within(`"__proto__":${draw.pick(['null', '{}', '{"admin":true}'])}`),
    () => within(`"constructor":{"prototype":{}},"toString":${again}`),
    () => `\ufeff${text}`,
    () => within('"\ufeff":1'),
    () => text + draw.pick([' ', '\n', '\0', 'x', '{}', text, ']', ',', '\u00a0', '\ufeff']),
    () => draw.pick([' ', '\t\r\n', '\u00a0', '\0', '\u2028', '//\n', '\f']) + text,
    () =>
      draw.pick(['[]', '"a"', '1', 'null', 'true', `[${text}]`, JSON.stringify(text), '', '{}']),
    () => within(`"deep":${'['.repeat(deep)}${']'.repeat(deep)}`),
    () => within(`"deep":${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`),
    () => within(`"deep":${'['.repeat(deep)}`),
    () =>
      Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from([draw.pick([0xff, 0xc0, 0x80, 0xed])]),
        bytes.subarray(at),
      ]),
    () => within(`"surrogate":"${draw.pick(['\\ud800', '\\udc00\\ud800', '\\ud83d\\udd11'])}"`),
    () => Buffer.from(text, 'utf16le'),
    () => text.replace(/\}$/, ',}'),
    () => text.replaceAll('"', "'"),
    () =>
      within(
        `"number":${draw.pick(['01', '+1', '1.', '.5', '1e999', '-0', '0x1', 'NaN', '1E+2'])}`,
      ),
    () =>
      text.replace(/"exp":\d+/, (exp) => exp + draw.pick(['.0', '.5', 'e0', 'E1', 'e400', '0000'])),
    () => text.slice(0, at),
    () =>
      text.slice(0, at) +
      draw.pick(['"', '\\', '{', ',', ':', '/*a*/', '\n', '\t']) +
      text.slice(at),
    () => text.replace(/[:,]/g, (sign) => `${sign}${draw.pick([' ', '\n', '\t', ''])}`),
    () =>
      text.replace(/[a-z]/g, (one) =>
        draw.chance(0.2) ? `\\u00${one.charCodeAt(0).toString(16)}` : one,
      ),
    () => within(`"long":"${'a'.repeat(draw.pick([100, 11_000, 13_000]))}"`),
  ];
  return draw.pick(ways)();
}

/** Well signed as it stands, in JSON that may be odd. */
export const json: Family = (draw, { quick }) => {
  const key = draw.pick(quick);
  const [header, payload] = [headerOf(key, draw), claimsOf(draw)];
  const odd = draw.below(5) === 0;
  const first = odd ? respeak(draw, header) : JSON.stringify(header);
  const second = odd ? JSON.stringify(payload) : respeak(draw, payload);
  return signAs(key, `${encode(first)}.${encode(second)}`);
};

const anyLetter = [...letters, ...letters, '.', '=', '+', '/', '~', '\t', '\n', ',', '"', 'é', '%'];

/** One that was good, changed behind the back of who signed it. */
export const mutated: Family = (draw, { good }) => {
  const token = draw.pick(good);
  const at = draw.below(token.length - 1) + 1;
  const [before, after] = [token.slice(0, at), token.slice(at)];
  const segments = token.split('.') as [string, string, string];
  const others = draw.pick(good).split('.') as [string, string, string];
  const place = draw.pick([0, 0, 0, 1, 2] as const);
  const kind = draw.below(12);
  if (kind < 3) {
    const bytes = Buffer.from(segments[place], 'base64url');
    const bit = draw.below(bytes.length * 8);
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    segments[place] = bytes.toString('base64url');
    return segments.join('.');
  }
  if (kind === 3) return before;
  if (kind === 4) return after;
  if (kind === 5) return before + after.slice(1 + draw.below(4));
  if (kind === 6) return before + draw.pick(anyLetter) + after;
  if (kind === 7) return before + draw.pick(anyLetter) + after.slice(1);
  if (kind === 8) {
    segments[place] = others[place];
    return segments.join('.');
  }
  if (kind === 9) {
    const order = draw.pick([
      [0, 2, 1],
      [1, 0, 2],
      [2, 1, 0],
      [1, 2, 0],
      [0, 0, 2],
      [0, 1],
      [0, 1, 2, 2],
    ]);
    return order.map((i) => segments[i]).join('.');
  }
  if (kind === 10) {
    const swapped = [...token];
    [swapped[at - 1], swapped[at]] = [swapped[at] as string, swapped[at - 1] as string];
    return swapped.join('');
  }
  return (
    before + after.replace(/[a-z]/i, (one) => (one < 'a' ? one.toLowerCase() : one.toUpperCase()))
  );
};
