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
    [0, '0'],
    ['', '""'],
    ['false', '"false"'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    [10_000, '10000'],
    [[], 'an empty array'],
    [() => ({ max: 1 }), 'a function'],
  ])('cannot be %j', (given, got) => {
    expect(sentence(given)).toContain(
      `options.tokenCache must be an object with named settings; got ${got}.`,
    );
  });

  test('cannot be undefined', () => {
    expect(sentence(undefined)).toContain('options.tokenCache must have a value; got undefined.');
  });

  test.each([
    ['size', 'Use max, ttl.'],
    ['Max', 'Did you mean "max"?'],
    ['maxAge', 'Use max, ttl.'],
    ['TTL', 'Did you mean "ttl"?'],
    ['__proto', 'Use max, ttl.'],
  ])('has no setting that is called %s', (name, says) => {
    const message = sentence({ [name]: 1 });
    expect(message).toContain(`options.tokenCache.${name} is not a known name. ${says}`);
    expect(message).toMatch(/[.?] See "Options" in the README of sallyport\.$/);
  });

  const noCount = 'must be an integer from 1 to 1000000; got ';
  const noTime = 'must be a number of seconds from 0.001 to 3600; got ';
  test.each([
    ['max', [0, -1, 0.5, 1.5, 1_000_001, Number.POSITIVE_INFINITY, Number.NaN], noCount],
    ['max', ['10', '', null, true, [10], {}], noCount],
    ['ttl', [0, -1, 0.0009, 3_600.001, 300_000, Number.POSITIVE_INFINITY, Number.NaN], noTime],
    ['ttl', ['300', '', null, true, [300], {}], noTime],
  ])('%s cannot be any of %j', (name, values, says) => {
    for (const value of values) {
      const message = sentence({ [name]: value });
      expect(message).toContain(`options.tokenCache.${name} must `);
      expect(message).toContain(says);
    }
  });

  test.each(['max', 'ttl'])('%s cannot be undefined, nor inherited', (name) => {
    expect(sentence({ [name]: undefined })).toContain('must have a value; got undefined.');
    expect(sentence(Object.create({ [name]: 10 }))).toContain(
      'must be a property of the object itself; got an inherited one.',
    );
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
