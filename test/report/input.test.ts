import { describe, expect, test } from 'vitest';
import { migrationReport } from '../../src/report/analysis/build.js';
import type { ReportInput } from '../../src/report/analysis/input.js';
import { day, guard, key, now, rowsOf, usageOf } from './making.js';

const usage = usageOf(key('a', 1));
const [row] = rowsOf(key('a', 1));
const report = (input: object) => () => migrationReport({ usage, now, ...input } as ReportInput);
const withRow = (change: object) => ({ usage: { ...usage, rows: [row, { ...row, ...change }] } });
const withGuard = (change: object) => ({
  usage: { ...usage, instances: [{ ...guard, ...change }] },
});

describe('an input that cannot be meant names its mistake', () => {
  test.each([
    [{ exlude: [] }, /^report\.exlude is not a known member: use usage, plan, /],
    [{ cohort: undefined }, /^report\.cohort must not be undefined: set it, or omit it/],
    [{ now: 'today' }, /^report\.now must be a time in milliseconds since 1970; got /],
    [{ now: Number.NaN }, /^report\.now /],
    [{ now: -1 }, /^report\.now /],
    [{ now: 253_402_300_800_000 }, /^report\.now /],
    [{ plan: { mod: 'dual' } }, /^plan\.mod /],
    [{ plan: '{' }, /^plan/],
    [{ plan: null }, /^plan must be an object/],
    [
      { plan: { cohorts: { eu: {} } }, cohort: 'us' },
      /^report\.cohort must be the name of a cohort of the plan; got "us": use "eu"/,
    ],
    [
      { cohort: 'us' },
      /^report\.cohort must be the name of a cohort of the plan; got "us": the plan has none/,
    ],
    [{ cohort: '__proto__' }, /^report\.cohort must be .*; got "__proto__"/],
    [{ clients: {} }, /^report\.clients must be an array/],
    [{ clients: ['a'] }, /^report\.clients\[0\] must be an object/],
    [
      { clients: [{ client: 'a' }, { client: '' }] },
      /^report\.clients\[1\]\.client must be a non-empty string; got /,
    ],
    [
      { clients: [{ client: 'a', owner: 3 }] },
      /^report\.clients\[0\]\.owner must be a non-empty string; got /,
    ],
    [{ keys: 'k' }, /^report\.keys must be an array/],
    [{ keys: [null] }, /^report\.keys\[0\] must be an object/],
    [{ keys: [{}] }, /^report\.keys\[0\]\.id must be a non-empty string; got /],
    [
      { keys: [{ id: 'k', clientId: null }] },
      /^report\.keys\[0\]\.clientId must be a non-empty string; got /,
    ],
    [
      { keys: [{ id: 'k', createdBy: '' }] },
      /^report\.keys\[0\]\.createdBy must be a non-empty string; got /,
    ],
    [
      { keys: [{ id: 'k', disabled: 1 }] },
      /^report\.keys\[0\]\.disabled must be true or false; got /,
    ],
    [
      { keys: [{ id: 'k', expiresAt: now }] },
      /^report\.keys\[0\]\.expiresAt must be a time in seconds/,
    ],
    [{ exclude: 'a' }, /^report\.exclude must be an array/],
    [{ exclude: ['a', ''] }, /^report\.exclude\[1\] must be a non-empty string; got /],
    [{ usage: null }, /^report\.usage must be an object/],
    [{ usage: { ...usage, trackingSince: '2030' } }, /^report\.usage\.trackingSince /],
    [{ usage: { ...usage, rows: {} } }, /^report\.usage\.rows must be an array/],
    [{ usage: { rows: [], trackingSince: 0 } }, /^report\.usage\.instances must be an array/],
    [{ usage: { ...usage, rows: [row, null] } }, /^report\.usage\.rows\[1\] /],
    [withRow({ client: 3 }), /^report\.usage\.rows\[1\]\.client is invalid: pass what a store/],
    [withRow({ key: undefined }), /rows\[1\]\.key /],
    [withRow({ what: 3 }), /rows\[1\]\.what /],
    [withRow({ detail: null }), /rows\[1\]\.detail /],
    [withRow({ count: '1' }), /rows\[1\]\.count /],
    [withRow({ count: 0.5 }), /rows\[1\]\.count /],
    [withRow({ count: -1 }), /rows\[1\]\.count /],
    [withRow({ first: Number.NaN }), /rows\[1\]\.first /],
    [withRow({ last: Number.POSITIVE_INFINITY }), /rows\[1\]\.last /],
    [withRow({ last: 1 }), /rows\[1\]\.last /],
    [withRow({ day: '' }), /rows\[1\]\.day /],
    [withRow({ day: '2030-13-01' }), /rows\[1\]\.day /],
    [withRow({ day: '2030-3-01' }), /rows\[1\]\.day /],
    [withGuard({ at: '' }), /^report\.usage\.instances\[0\]\.at /],
    [withGuard({ every: Number.NaN }), /instances\[0\]\.every /],
    [withGuard({ dropped: 0.5 }), /instances\[0\]\.dropped /],
    [withGuard({ instance: 3 }), /instances\[0\]\.instance /],
    [withGuard({ closed: 'no' }), /instances\[0\]\.closed /],
    [{ usage: { ...usage, instances: [7] } }, /^report\.usage\.instances\[0\] /],
  ])('%#', (input, message) => {
    expect(report(input)).toThrow(
      expect.objectContaining({ name: 'ConfigError', message: expect.stringMatching(message) }),
    );
  });

  test('and is no object at all', () => {
    for (const input of [undefined, null, [], 'usage']) {
      expect(() => migrationReport(input as never)).toThrow(/^report must be an object/);
    }
  });

  test('and shows nothing of what was written', () => {
    const secret = 'sk_live_abcdef';
    expect(report({ keys: [{ id: 'k', disabled: secret }] })).not.toThrow(secret);
    expect(report({ keys: [{ id: 'k', disabled: secret }] })).toThrow();
  });
});

test('a plan is an object or its text', () => {
  const plan = { mode: 'deprecated', guide: 'https://example.com/guide' } as const;
  const told = { mode: 'deprecated', guide: 'https://example.com/guide' };
  expect(report({ plan })().plan).toEqual(told);
  expect(report({ plan: JSON.stringify(plan) })().plan).toEqual(told);
  expect(report({})().plan).toEqual({ mode: 'dual' });
});

test('now is the time of the report, unless it is given', () => {
  const before = Date.now();
  const made = Date.parse(migrationReport({ usage }).generatedAt);
  expect(made).toBeGreaterThanOrEqual(before);
  expect(made).toBeLessThanOrEqual(Date.now());
  expect(report({ now: now + 3 * day })().generatedAt).toBe('2030-03-18T12:00:00.000Z');
});
