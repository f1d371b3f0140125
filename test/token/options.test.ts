import { describe, expect, test } from 'vitest';
import { ConfigError, createGuard } from '../../src/index.js';

const good = { issuer: 'https://issuer.test', audience: 'https://api.test' };
const make = (tokenCache: unknown) => createGuard({ ...good, tokenCache } as never);

/** The sentence that a mistake is answered with. */
function sentence(tokenCache: unknown): string {
  try {
    make(tokenCache);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

describe('tokenCache', () => {
  // What is like false is not false: it may be a variable that was not set.
  test.each([
    [0, '0 is no object'],
    ['', '"" is no object'],
    ['false', '"false" is no object'],
    [null, 'null is no object'],
    [Number.NaN, 'NaN is no object'],
    [true, 'true is no object'],
    [10_000, '10000 is no object'],
    [[], 'a list is no object'],
    [() => ({ max: 1 }), 'a function is no object'],
    [undefined, 'undefined is no value'],
  ])('cannot be %j', (given, says) => {
    expect(sentence(given)).toContain(`options.tokenCache: ${says}`);
  });

  test.each([
    ['size', 'use max, ttl'],
    ['Max', 'did you mean "max"?'],
    ['maxAge', 'use max, ttl'],
    ['TTL', 'did you mean "ttl"?'],
    ['__proto', 'use max, ttl'],
  ])('has no setting that is called %s', (name, says) => {
    const message = sentence({ [name]: 1 });
    expect(message).toContain(`options.tokenCache.${name}: "${name}" is not known: ${says}`);
    expect(message).toMatch(/ \(see "Options" in the README of sallyport\)$/);
  });

  const noCount = 'is no whole number from 1 to 1000000';
  const noTime = 'is no number of seconds from 0.001 to 3600';
  test.each([
    ['max', [0, -1, 0.5, 1.5, 1_000_001, Number.POSITIVE_INFINITY, Number.NaN], noCount],
    ['max', ['10', '', null, true, [10], {}], noCount],
    ['ttl', [0, -1, 0.0009, 3_600.001, 300_000, Number.POSITIVE_INFINITY, Number.NaN], noTime],
    ['ttl', ['300', '', null, true, [300], {}], noTime],
  ])('%s cannot be any of %j', (name, values, says) => {
    for (const value of values) {
      const message = sentence({ [name]: value });
      expect(message).toContain(`options.tokenCache.${name}: `);
      expect(message).toContain(says);
    }
  });

  test.each(['max', 'ttl'])('%s cannot be undefined, nor inherited', (name) => {
    expect(sentence({ [name]: undefined })).toContain('undefined is no value');
    expect(sentence(Object.create({ [name]: 10 }))).toContain('is inherited');
  });

  test.each([
    [false],
    [{}],
    [{ max: 1 }],
    [{ max: 1_000_000, ttl: 3_600 }],
    [{ ttl: 0.001 }],
    [Object.assign(Object.create(null), { max: 10 })],
  ])('can be %j', (given) => {
    expect(make(given)).toBeTypeOf('function');
  });
});
