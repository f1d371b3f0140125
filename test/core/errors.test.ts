import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { codes, type ErrorCode, row } from '../../src/core/errors.js';
import { AuthError, ConfigError, UpstreamError } from '../../src/index.js';

const all = Object.keys(codes) as ErrorCode[];

test.each(all)('%s can be sent: RFC 6750 §3 allows every character of its detail', (code) => {
  const { status, error, title, detail, told } = row(code);
  expect(detail).toMatch(/^[ !#-[\]-~]+$/);
  expect(title).toMatch(/^[ !#-[\]-~]+$/);
  if (error === 'invalid_request') expect(status).toBe(400);
  if (error === 'invalid_token') expect(status).toBe(401);
  if (error === 'insufficient_scope') expect(status).toBe(403);
  if (told !== undefined) expect(all).toContain(told);
});

test('docs/errors.md has one row for every code, with the same facts', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| `ERR_'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  expect(rows.map(([, reason]) => reason)).toEqual([...all, 'ERR_CONFIG']);
  for (const [, reason = '', told, error, status, cause, fix] of rows) {
    expect(cause, reason).not.toBe('');
    expect(fix, reason).not.toBe('');
    if (reason === 'ERR_CONFIG') continue;
    const fact = row(reason as ErrorCode);
    expect({ reason, told, error, status }).toEqual({
      reason,
      told: fact.told ?? reason,
      error: fact.error ?? '-',
      status: String(fact.status),
    });
  }
});

test('the three classes tell themselves apart, and know what is no error of ours', () => {
  const errors = [
    new AuthError('ERR_TOKEN_EXPIRED'),
    new UpstreamError('ERR_KEYS_TIMEOUT', 'late'),
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
  const error = new UpstreamError('ERR_KEYS_TIMEOUT', 'late', { ...options, cause: 'why' });
  expect(error).toMatchObject({
    name: 'UpstreamError',
    status: 503,
    retryAfter: said,
    cause: 'why',
  });
});
