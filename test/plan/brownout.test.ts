import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openUntil } from '../../src/core/plan/brownout.js';
import { evaluatePlan } from '../../src/core/plan/evaluate.js';
import { parsePlan } from '../../src/core/plan/parse.js';
import type { Brownout } from '../../src/core/plan/plan.js';
import { runs } from '../runs.js';
import { base, brownoutOf, day, minute } from './plans.js';

const client = (id: string) => ({ id, issuer: undefined });

const at = (date: string) => Date.parse(date);
const checked = (brownout: Brownout) => {
  const [one] = parsePlan('plan', { brownouts: [brownout] }).brownouts;
  if (!one) throw new Error('no brownout');
  return one;
};

/** Which minutes are brown, written down one after the other; undefined where none is. */
function minuteByMinute({ start, end, daily }: Brownout, from: number, to: number) {
  const brown = new Map<number, number>();
  const [first, last] = [at(start), at(end)];
  // Windows begin before what is looked at.
  for (let time = from - 2 * day; time < to; time += minute) {
    if (time < first || time >= last) continue;
    if (!daily) {
      brown.set(time, last);
      continue;
    }
    const begins = new Date(time);
    const clock = begins.toISOString().slice(11, 16);
    if (!daily.at.includes(clock)) continue;
    const weekday = begins.toLocaleDateString('en', { weekday: 'short', timeZone: 'UTC' });
    if (daily.days && !daily.days.some((name) => name === weekday.toLowerCase())) continue;
    const list = [daily.minutes].flat();
    let week = 0;
    while (first + (week + 1) * 7 * day <= time) week += 1;
    const length = list[Math.min(week, list.length - 1)] ?? 0;
    const until = Math.min(time + length * minute, last);
    for (let brownAt = time; brownAt < until; brownAt += minute) {
      brown.set(brownAt, Math.max(until, brown.get(brownAt) ?? 0));
    }
  }
  return brown;
}

const whole = (date: string) => new Date(Math.floor(at(date) / minute) * minute).toJSON();
/** Brownouts that start and end with a minute, as the model counts. */
const brownouts = brownoutOf([]).map((one) => ({
  ...one,
  start: whole(one.start),
  end: whole(one.end),
  paused: false,
  dryRun: false,
}));

test('windows are open exactly as written down minute by minute', () => {
  fc.assert(
    fc.property(brownouts, fc.integer({ min: -2, max: 82 }), (brownout, days) => {
      const plan = checked(brownout);
      const from = base + days * day;
      const brown = minuteByMinute(brownout, from, from + day);
      for (let time = from; time < from + day; time += minute) {
        const until = openUntil(plan, time);
        if (until !== brown.get(time)) expect([time, until]).toEqual([time, brown.get(time)]);
      }
    }),
    { numRuns: 40 },
  );
});

test('a client is told to come back when no window is open, and not before', () => {
  fc.assert(
    fc.property(
      fc.array(brownouts, { minLength: 1, maxLength: 3 }),
      fc.nat({ max: 79 * 1440 }),
      (several, minutes) => {
        const plan = parsePlan('plan', { brownouts: several });
        const now = base + minutes * minute;
        const named = several.some((one) => one.exempt?.includes('acme'));
        fc.pre(!named);
        const { refusal, retryAt } = evaluatePlan(plan, client('acme'), { now });
        expect(refusal).toBe(
          plan.brownouts.some((one) => openUntil(one, now)) ? 'brownout' : undefined,
        );
        expect(retryAt === undefined).toBe(refusal === undefined);
        const refusedAt = (time: number) =>
          evaluatePlan(plan, client('acme'), { now: time }).refusal;
        let end = now;
        while (refusedAt(end) === 'brownout' && end < now + day) end += minute;
        // Beyond a hundred windows in a row the search ends.
        if (end < now + day) expect(retryAt ?? now).toBe(end);
        else expect(retryAt).toBeGreaterThan(now);
      },
    ),
    { numRuns: runs(150) },
  );
});

describe('a window', () => {
  const brownout = checked({ start: '2027-06-01T07:00:00Z', end: '2027-06-01T10:00:00Z' });

  test.each([
    ['2027-06-01T06:59:59.999Z', undefined],
    ['2027-06-01T07:00:00Z', '2027-06-01T10:00:00Z'],
    ['2027-06-01T09:59:59.999Z', '2027-06-01T10:00:00Z'],
    ['2027-06-01T10:00:00Z', undefined],
  ])('begins with its start and ends before its end: %s', (now, until) => {
    expect(openUntil(brownout, at(now))).toBe(until && at(until));
  });
});

describe('windows that recur', () => {
  // 2027-06-01 is a Tuesday.
  const brownout = checked({
    start: '2027-06-01T12:00:00+02:00',
    end: '2027-06-18T00:10:00Z',
    daily: { at: ['23:50', '10:00', '09:59'], minutes: [15, 30], days: ['tue', 'thu'] },
  });

  test.each([
    ['before the start none begins', '2027-06-01T09:59:30Z', undefined],
    ['the start is part of it', '2027-06-01T10:00:00Z', '2027-06-01T10:15:00Z'],
    ['its end is not', '2027-06-01T10:15:00Z', undefined],
    ['one that began yesterday is open', '2027-06-02T00:04:59Z', '2027-06-02T00:05:00Z'],
    ['and ends', '2027-06-02T00:05:00Z', undefined],
    ['on other days none begins', '2027-06-02T10:00:00Z', undefined],
    ['on its days they do', '2027-06-03T10:00:00Z', '2027-06-03T10:15:00Z'],
    ['the last moment of the first week', '2027-06-08T10:00:59Z', '2027-06-08T10:30:00Z'],
    ['what began in the first week stays short', '2027-06-08T09:59:59Z', '2027-06-08T10:14:00Z'],
    ['the second week', '2027-06-10T10:29:59Z', '2027-06-10T10:30:00Z'],
    ['the last entry stays', '2027-06-15T10:20:00Z', '2027-06-15T10:30:00Z'],
    ['the end cuts one off', '2027-06-18T00:05:00Z', '2027-06-18T00:10:00Z'],
    ['the end is not part of it', '2027-06-18T00:10:00Z', undefined],
  ])('%s', (_, now, until) => {
    expect(openUntil(brownout, at(now))).toBe(until && at(until));
  });

  test('are checked to come at all, over a week and a bit of one', () => {
    const daily = { at: ['05:00'], minutes: 5, days: ['tue'] } as const;
    const start = '2027-06-01T06:00:00Z';
    const read = (end: string) => () => parsePlan('plan', { brownouts: [{ start, end, daily }] });
    expect(read('2027-06-08T05:00:00Z')).toThrow(/must have a window that begins between/);
    expect(read('2027-06-08T05:00:01Z')).not.toThrow();
    expect(read('2027-07-08T05:00:01Z')).not.toThrow();
  });
});

describe('whoever is refused', () => {
  const window = { start: '2027-06-01T00:00:00Z', end: '2027-06-02T00:00:00Z' };
  const now = at('2027-06-01T12:00:00Z');
  const base = {
    cohorts: { large: {}, small: {} },
    clients: {
      big: { cohort: 'large' },
      little: { cohort: 'small' },
      keys: 'key-only',
      bank: { mode: 'extension', until: '2027-12-01T00:00:00Z', cohort: 'large' },
      done: 'token-only',
    },
  } as const;
  const all = ['big', 'little', 'keys', 'bank', 'done', 'stranger'] as const;
  const refusals = (more: object) => {
    const plan = parsePlan('plan', { ...base, ...more });
    return Object.fromEntries(
      all.map((id) => [id, evaluatePlan(plan, client(id), { now }).refusal]),
    );
  };
  const nobody = { ...Object.fromEntries(all.map((id) => [id, undefined])), done: 'migrated' };
  const brown = (...ids: string[]) => ({
    ...nobody,
    ...Object.fromEntries(ids.map((id) => [id, 'brownout'])),
  });

  test.each([
    ['is every client but extensions', {}, brown('big', 'little', 'keys', 'stranger')],
    ['is of a cohort', { cohorts: ['large'] }, brown('big')],
    ['is of one of several', { cohorts: ['small', 'large'] }, brown('big', 'little')],
    ['is not exempt', { exempt: ['big', 'stranger'] }, brown('little', 'keys')],
    ['is nobody while it is paused', { paused: true }, nobody],
    ['is nobody in a dry run', { dryRun: true }, nobody],
  ])('%s', (_, more, expected) => {
    expect(refusals({ brownouts: [{ ...window, ...more }] })).toEqual(expected);
  });

  test('is nobody while all brownouts are paused', () => {
    expect(refusals({ brownouts: [window, window], pauseBrownouts: true })).toEqual(nobody);
  });

  test("is everyone's cohort too", () => {
    expect(refusals({ brownouts: [{ ...window, cohorts: ['small'] }], cohort: 'small' })).toEqual(
      brown('little', 'keys', 'stranger'),
    );
  });
});

describe('a dry run', () => {
  const now = at('2027-06-01T12:00:00Z');
  const window = { start: '2027-06-01T00:00:00Z', end: '2027-06-02T00:00:00Z' };
  const stance = (plan: object, clientId = 'acme') =>
    evaluatePlan(parsePlan('plan', plan), client(clientId), { now });

  test('tells that it would have refused', () => {
    const brownouts = [{ ...window, dryRun: true }];
    expect(stance({ brownouts })).toMatchObject({ refusal: undefined, wouldRefuse: true });
    expect(stance({ brownouts, pauseBrownouts: true }).wouldRefuse).toBe(false);
    expect(stance({ brownouts: [{ ...window, dryRun: true, exempt: ['acme'] }] }).wouldRefuse).toBe(
      false,
    );
  });

  test('tells nothing of what is refused anyway, and lengthens no brownout', () => {
    const brownouts = [
      { start: '2027-06-01T00:00:00Z', end: '2027-06-02T06:00:00Z', dryRun: true },
      window,
    ];
    expect(stance({ brownouts })).toMatchObject({
      refusal: 'brownout',
      retryAt: at(window.end),
      wouldRefuse: false,
    });
    expect(stance({ brownouts, mode: 'token-only' }).wouldRefuse).toBe(false);
    expect(stance({ brownouts, sunsetAt: '2027-06-01T00:00:00Z' }).wouldRefuse).toBe(false);
  });
});

describe('the end of a brownout', () => {
  const window = (start: string, end: string, more: object = {}) => ({
    start: `2027-06-01T${start}:00Z`,
    end: `2027-06-01T${end}:00Z`,
    ...more,
  });
  const retryAt = (...brownouts: object[]) => {
    const now = at('2027-06-01T08:00:00Z');
    const { retryAt: time } = evaluatePlan(parsePlan('plan', { brownouts }), client('acme'), {
      now,
    });
    return time === undefined ? undefined : new Date(time).toJSON().slice(11, 16);
  };

  test.each<[string, string | undefined, object[]]>([
    ['is its own', '09:00', [window('08:00', '09:00')]],
    ['is the later of two', '10:00', [window('07:00', '09:00'), window('07:30', '10:00')]],
    ['is that of one that overlaps', '11:00', [window('08:30', '11:00'), window('07:00', '09:00')]],
    ['is that of one that touches', '11:00', [window('09:00', '11:00'), window('07:00', '09:00')]],
    [
      'is not that of one behind a gap',
      '09:00',
      [window('07:00', '09:00'), window('09:01', '11:00')],
    ],
    [
      'is not that of one that is paused, for others, or exempts',
      '09:00',
      [
        window('07:00', '09:00'),
        window('08:00', '11:00', { paused: true }),
        window('08:00', '12:00', { exempt: ['acme'] }),
      ],
    ],
    ['is unknown while none is open', undefined, [window('08:01', '11:00')]],
    [
      'is that of a whole chain',
      '12:00',
      [
        window('11:00', '12:00'),
        window('10:00', '11:30'),
        window('09:00', '10:00'),
        window('08:00', '09:00'),
      ],
    ],
  ])('%s', (_, end, brownouts) => {
    expect(retryAt(...brownouts)).toBe(end);
  });

  test('is not looked for beyond a hundred windows', () => {
    const hours = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, '0')}:00`);
    const plan = parsePlan('plan', {
      brownouts: [
        {
          start: '2027-06-01T00:00:00Z',
          end: '2027-07-01T00:00:00Z',
          daily: { at: hours, minutes: 60 },
        },
      ],
    });
    const now = at('2027-06-01T00:00:00Z');
    expect(evaluatePlan(plan, client('acme'), { now }).retryAt).toBe(now + 100 * 60 * minute);
  });
});
