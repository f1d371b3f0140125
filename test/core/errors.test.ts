import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type AuthErrorCode, codes, type ErrorCode, row } from '../../src/core/base/errors.js';
import { AuthError, ConfigError, createGuard, UpstreamError } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { bearing } from '../rfc/ask.js';

const all = Object.keys(codes) as ErrorCode[];

test.each(all)('%s can be sent: RFC 6750 §3 allows every character of its detail', (code) => {
  const { status, error, title, detail, publicCode } = row(code);
  expect(detail).toMatch(/^[ !#-[\]-~]+$/);
  expect(title).toMatch(/^[ !#-[\]-~]+$/);
  if (error === 'invalid_request') expect(status).toBe(400);
  if (error === 'invalid_token') expect(status).toBe(401);
  if (error === 'insufficient_scope') expect(status).toBe(403);
  if (publicCode !== undefined) expect(all).toContain(publicCode);
});

test('docs/errors.md has one row for every code, with the same facts', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| `ERR_'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  expect(rows.map(([, reason]) => reason)).toEqual([...all, 'ERR_CONFIG']);
  for (const [, reason = '', publicCode, error, status, cause, fix] of rows) {
    expect(cause, reason).not.toBe('');
    expect(fix, reason).not.toBe('');
    if (reason === 'ERR_CONFIG') continue;
    const fact = row(reason as ErrorCode);
    expect({ reason, publicCode, error, status }).toEqual({
      reason,
      publicCode: fact.publicCode ?? reason,
      error: fact.error ?? '-',
      status: String(fact.status),
    });
  }
});

test('the three classes tell themselves apart, and know what is no error of ours', () => {
  const errors = [
    new AuthError('ERR_TOKEN_EXPIRED'),
    new UpstreamError('ERR_JWKS_TIMEOUT', 'late'),
    new ConfigError('a mistake'),
  ];
  const classes = [AuthError, UpstreamError, ConfigError];
  for (const [i, error] of errors.entries()) {
    expect(error).toBeInstanceOf(Error);
    expect(classes.map((one) => error instanceof one)).toEqual(classes.map((_, j) => i === j));
    if (!(error instanceof AuthError)) expect(error.stack).toContain('errors.test.ts');
  }
  for (const stranger of [new Error('no'), null, undefined, 'ERR_TOKEN_EXPIRED', {}]) {
    for (const one of classes) expect(stranger instanceof one).toBe(false);
  }
});

test('a refusal has no stack, and leaves that of others as it was', () => {
  const { stackTraceLimit } = Error;
  const error = new AuthError('ERR_TOKEN_EXPIRED');
  expect(error.stack).toBe(`AuthError: ${error.message}`);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  expect(new Error('another').stack).toContain('errors.test.ts');
});

test('an error carries what its row says', () => {
  expect(new AuthError('ERR_SCOPE_MISSING', { missingScopes: ['a'] })).toMatchObject({
    name: 'AuthError',
    code: 'ERR_SCOPE_MISSING',
    status: 403,
    message: row('ERR_SCOPE_MISSING').detail,
    missingScopes: ['a'],
  });
  expect('missingScopes' in new AuthError('ERR_TOKEN_EXPIRED')).toBe(false);
  expect('retirement' in new AuthError('ERR_TOKEN_EXPIRED')).toBe(false);
});

test.each([401, 410] as const)('a key that is over is refused as its plan says: %i', (status) => {
  const retirement = { status, guide: 'https://docs.test/migrate', retryAfter: 60 };
  const error = new AuthError('ERR_API_KEY_RETIRED', { retirement });
  expect(error).toMatchObject({ code: 'ERR_API_KEY_RETIRED', status, retirement });
  expect(error.message).toBe(row('ERR_API_KEY_RETIRED').detail);
});

test.each([
  [undefined, 1],
  [0, 1],
  [-5, 1],
  [1.2, 2],
  [30, 30],
])('an outage says when to ask again: %s is %s s', (retryAfter, said) => {
  const options = retryAfter === undefined ? {} : { retryAfter };
  const error = new UpstreamError('ERR_JWKS_TIMEOUT', 'late', { ...options, cause: 'why' });
  expect(error).toMatchObject({
    name: 'UpstreamError',
    status: 503,
    retryAfter: said,
    cause: 'why',
  });
});

describe('a subclass', () => {
  class TenantError extends AuthError {}
  class StoreError extends UpstreamError {}
  class MyConfigError extends ConfigError {}

  test('knows its own instances, and no others of its base', () => {
    const pairs = [
      [
        AuthError,
        TenantError,
        new AuthError('ERR_CHECK_FAILED'),
        new TenantError('ERR_ORG_MISSING'),
      ],
      [
        UpstreamError,
        StoreError,
        new UpstreamError('ERR_LOOKUP_FAILED', 'down'),
        new StoreError('ERR_LOOKUP_FAILED', 'down'),
      ],
      [ConfigError, MyConfigError, new ConfigError('a'), new MyConfigError('b')],
    ] as const;
    for (const [base, sub, plain, own] of pairs) {
      expect([plain instanceof base, plain instanceof sub]).toEqual([true, false]);
      expect([own instanceof base, own instanceof sub]).toEqual([true, true]);
      for (const other of [null, undefined, {}, 'a', new Error('a')]) {
        expect(other instanceof (sub as unknown as typeof Error)).toBe(false);
      }
    }
  });

  test('that an application throws is refused like its base', async () => {
    expect(await thrown(new TenantError('ERR_CHECK_FAILED'))).toBe('403 ERR_CHECK_FAILED');
    expect(await thrown(new StoreError('ERR_LOOKUP_FAILED', 'down'))).toBe('503 ERR_LOOKUP_FAILED');
  });
});

/** What becomes of an error that a route's check throws. */
async function thrown(error: unknown): Promise<unknown> {
  const issuer = await createTestIssuer();
  const check = () => {
    throw error;
  };
  const asked = createGuard(issuer.options)(bearing(await issuer.token()), { check });
  return asked.then(
    (decision) =>
      decision.allowed ? 'allowed' : `${decision.denial.status} ${decision.error.code}`,
    (reason: unknown) => reason,
  );
}

describe('an error that this version cannot know', () => {
  test.each(['ERR_FUTURE', 'constructor', '__proto__', '', undefined, null, 1, {}])(
    'with the code %j is a bug for the error handler, and lets nobody in',
    async (code) => {
      for (const base of [new AuthError('ERR_CHECK_FAILED'), Object.create(AuthError.prototype)]) {
        const foreign = Object.defineProperty(base, 'code', { value: code });
        const reason = await thrown(foreign);
        expect(reason).toBeInstanceOf(TypeError);
        expect(reason).toMatchObject({ message: expect.stringContaining('docs/errors.md') });
      }
    },
  );

  test.each([200, 302, 0, Number.NaN, undefined, '401'])(
    'with the status %j is sent with that of its code',
    async (status) => {
      const foreign = Object.defineProperty(new AuthError('ERR_CHECK_FAILED'), 'status', {
        value: status,
      });
      expect(await thrown(foreign)).toBe('403 ERR_CHECK_FAILED');
    },
  );

  test('cannot be made here', () => {
    expect(() => new AuthError('ERR_FUTURE' as AuthErrorCode)).toThrow(TypeError);
  });
});
