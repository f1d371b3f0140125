import { describe, expect, test } from 'vitest';
import {
  afterSearch,
  failureAfter,
  freshness,
  fullBudget,
  isBackingOff,
  limitsIn,
} from '../../src/core/token/jwks-freshness.js';

const limits = { maxAge: 600, staleIfError: 10_000, cooldown: 8_000 };

describe('freshness', () => {
  test.each([
    [-1, 'old'],
    [0, 'fresh'],
    [479, 'fresh'],
    [480, 'due'],
    [1_199, 'due'],
    [1_200, 'old'],
    [9_999, 'old'],
    [10_000, 'unusable'],
    [Number.POSITIVE_INFINITY, 'unusable'],
  ])('at %d is %s', (age, state) => {
    expect(freshness(age, limits)).toBe(state);
  });

  test.each([
    [599, 'due'],
    [600, 'unusable'],
  ])('without staleIfError at %d is %s', (age, state) => {
    expect(freshness(age, { ...limits, staleIfError: 0 })).toBe(state);
  });
});

describe('a failure', () => {
  const fail = (before?: Parameters<typeof failureAfter>[0], isEmpty = false) =>
    failureAfter(before, { error: 'why', isEmpty, at: 0 }, limits);

  test('is waited after for twice as long each time, up to the cool-down', () => {
    let failure = fail();
    const delays = [failure.delay];
    for (let i = 0; i < 4; i += 1) {
      failure = fail(failure);
      delays.push(failure.delay);
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  test('is waited after until its time, and not by a clock that was set back', () => {
    const failure = fail();
    expect([-1, 0, 999, 1_000].map((now) => isBackingOff(failure, now))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(isBackingOff(undefined, 0)).toBe(false);
  });

  test('that was an empty key set bounds old keys for the rest of the outage', () => {
    expect(limitsIn(fail(), limits).staleIfError).toBe(10_000);
    expect(limitsIn(fail(fail(undefined, true)), limits).staleIfError).toBe(1_200);
    expect(limitsIn(fail(undefined, true), { ...limits, staleIfError: 7 }).staleIfError).toBe(7);
  });
});

test('searches are two at least a second apart, then one per cool-down', () => {
  let budget = fullBudget;
  const at: number[] = [];
  for (let now = 0; now <= 30_000; now += 500) {
    const after = afterSearch(budget, now, limits);
    if (!after) continue;
    budget = after;
    at.push(now);
  }
  expect(at).toEqual([0, 1_000, 9_000, 17_000, 25_000]);
});
