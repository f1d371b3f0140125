import { describe, expect, test } from 'vitest';
import type { MigrationPlan } from '../../src/index.js';
import { day, type Happened, iso, key, minute, other, refused, reportOf, token } from './making.js';

const start = iso(20);
const end = iso(19);
const aMinute = minute / day;

/** Keys of a client that were refused in the brownout, as a guard counts them. */
const refusedIn = (client: string, days: number | readonly number[], detail = start): Happened[] =>
  [days]
    .flat()
    .flatMap((ago) => [
      ...refused(client, ago, [`${client}-key`, 'ERR_API_KEY_BROWNOUT']),
      ...other('brownout', ago, { client, key: `${client}-key`, detail }),
    ]);

const first = (things: readonly Happened[], plan: MigrationPlan = {}) =>
  reportOf(things, { plan }).brownouts[0];

describe('what a client came back with', () => {
  const last = 19.5;
  const back = (things: readonly Happened[]) =>
    first([...refusedIn('a', [last + 0.2, last]), ...things])?.clients[0]?.cameBack;

  test.each([
    ['nothing', 'never', []],
    ['a token', 'token', token('a', 3)],
    ['a token in the minute of the last refusal', 'token', token('a', last)],
    ['a token only before', 'never', token('a', last + aMinute)],
    ['a key', 'key', key('a', 3)],
    ['a key in the minute of the last refusal', 'never', key('a', last)],
    ['a key only before', 'never', key('a', last + aMinute)],
    ['a key that was refused', 'never', refused('a', 3, ['a-key'])],
    ['a key, then tokens', 'key', [...key('a', last - aMinute), ...token('a', [5, 4, 3])]],
    ['another client’s key', 'never', key('b', 3)],
    ['another key of its own', 'key', key('a', 3, 'second')],
  ] as const)('%s: %s', (_, expected, things) => {
    expect(back(things)).toBe(expected);
  });
});

test('requests are counted by brownout and by client, whoever has not learned first', () => {
  const things = [
    ...refusedIn('moved', [19.6, 19.5, 19.4]),
    ...token('moved', 3),
    ...refusedIn('gone', 19.5),
    ...refusedIn('lost', [19.6, 19.5]),
    ...refusedIn('same', 19.7),
    ...key('same', 3),
    ...refusedIn('moved', 40.5, iso(41)),
    ...token('moved', 40),
  ];
  const plan = { brownouts: [{ start, end }] };
  expect(reportOf(things, { plan }).brownouts).toStrictEqual([
    {
      start: iso(41),
      refused: 1,
      clients: [{ client: 'moved', refused: 1, cameBack: 'token' }],
    },
    {
      start,
      end,
      refused: 7,
      clients: [
        { client: 'same', refused: 1, cameBack: 'key' },
        { client: 'lost', refused: 2, cameBack: 'never' },
        { client: 'gone', refused: 1, cameBack: 'never' },
        { client: 'moved', refused: 3, cameBack: 'token' },
      ],
    },
  ]);
});

test('several keys of one client are one client', () => {
  const two = (ago: number, id: string) =>
    other('brownout', ago, { client: 'a', key: id, detail: start });
  const things = [...two(19.5, 'k1'), ...two(19.2, 'k2'), ...key('a', 19.3)];
  expect(first(things)?.clients).toEqual([{ client: 'a', refused: 2, cameBack: 'never' }]);
});

test('a brownout of the plan that refused nobody is told of once it has begun', () => {
  const at = (from: number) => ({ start: iso(from), end: iso(from - 1) });
  const brownouts = [
    at(20),
    at(0),
    at(-aMinute),
    { ...at(15), paused: true },
    { ...at(10), dryRun: true },
  ];
  const told = reportOf([], { plan: { brownouts } }).brownouts;
  expect(told).toEqual([
    { start: iso(20), end: iso(19), refused: 0, clients: [] },
    { start: iso(0), end: iso(-1), refused: 0, clients: [] },
  ]);
  expect(reportOf([], { plan: { brownouts, pauseBrownouts: true } }).brownouts).toEqual([]);
});

test('a report of one cohort tells of its brownouts and of its clients', () => {
  const plan: MigrationPlan = {
    cohorts: { a: {}, b: {} },
    clients: { one: { cohort: 'a' }, two: { cohort: 'b' } },
    brownouts: [
      { start, end },
      { start: iso(10), end: iso(9), cohorts: ['b'] },
    ],
  };
  const things = [...refusedIn('one', 19.5), ...refusedIn('two', 19.5)];
  expect(reportOf(things, { plan, cohort: 'a' }).brownouts).toEqual([
    { start, end, refused: 1, clients: [{ client: 'one', refused: 1, cameBack: 'never' }] },
  ]);
});
