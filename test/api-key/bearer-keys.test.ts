import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { couldStartJwt, createBearerKeyTest } from '../../src/core/api-key/bearer-keys.js';
import { runs } from '../runs.js';

const encode = (text: string) => Buffer.from(text).toString('base64url');
const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const header = fc
  .tuple(
    blank,
    fc.dictionary(fc.constantFrom('alg', 'kid', 'é', '__x'), fc.string({ maxLength: 4 })),
    fc.constantFrom(undefined, 1, '\t'),
  )
  .map(([before, object, indent]) => before + JSON.stringify(object, null, indent));
const segment = fc
  .uint8Array({ maxLength: 6 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'));
const jwt = fc
  .tuple(header, segment, segment)
  .map(([first, ...rest]) => [encode(first), ...rest].join('.'));

describe('couldStartJwt', () => {
  test('is true of every beginning of every JWT', () => {
    fc.assert(
      fc.property(jwt, fc.nat(), (token, at) => {
        const prefix = token.slice(0, 1 + (at % token.length));
        expect([prefix, couldStartJwt(prefix)]).toEqual([prefix, true]);
      }),
      { numRuns: runs(2000) },
    );
  });

  test('is false of every other beginning', () => {
    const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
    // White space and "{" are the only first bytes; what follows "{" is white space, a quote or "}".
    const pairs = 'CQ CS CX Cg Ci Cn DQ DS DX IA IC IH e3 ew ey'.split(' ');
    const starts = alphabet.flatMap((one) => [one, ...alphabet.map((other) => one + other)]);
    expect(starts.filter(couldStartJwt).sort()).toEqual(['C', 'D', 'I', 'e', ...pairs].sort());
  });

  test.each([
    'sk_live_',
    'SG.',
    'ghp_',
    'xoxb-',
    'glpat-',
    'pat',
    'whsec_',
    'a',
    '~ey',
    'ey.',
    'eyJ/',
    'e30.a.b.',
  ])('is false of %s', (prefix) => {
    expect(couldStartJwt(prefix)).toBe(false);
  });
});

describe('createBearerKeyTest', () => {
  const none = { prefixes: [], notJwt: false, jwtAlgorithms: new Set<string>() };

  test('is undefined where no key can be', () => {
    expect(createBearerKeyTest(none)).toBeUndefined();
  });

  test('no accepted prefix makes a key of a JWT', () => {
    const prefix = fc.stringMatching(/^[\w.~+/-]{1,4}$/).filter((text) => !couldStartJwt(text));
    fc.assert(
      fc.property(prefix, jwt, (one, token) => {
        expect(createBearerKeyTest({ ...none, prefixes: [one] })?.(token)).toBe(false);
      }),
      { numRuns: runs(1000) },
    );
  });

  test('what is a JWT does not depend on the strings before it', () => {
    const isKey = createBearerKeyTest({
      ...none,
      notJwt: true,
      jwtAlgorithms: new Set(['HS256']),
    });
    const rs = `${encode('{"alg":"RS256"}')}.e30.c2ln`;
    const hs = `${encode('{"alg":"HS256"}')}.e30.c2ln`;
    const texts: [string, boolean][] = [
      [rs, false],
      [hs, true],
      ['sk_1', true],
      [`${encode('{}')}.e30.c2ln`, true],
      [`${encode('{"alg":7}')}.e30.c2ln`, false],
      [`${encode('{"__proto__":{"alg":"RS256"}}')}.e30.c2ln`, true],
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...texts), { maxLength: 12 }), (order) => {
        for (const [text, expected] of order)
          expect([text, isKey?.(text)]).toEqual([text, expected]);
      }),
      { numRuns: runs(300) },
    );
  });
});
