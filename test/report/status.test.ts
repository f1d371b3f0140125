import { describe, expect, test } from 'vitest';
import type { MigrationPlan } from '../../src/index.js';
import type { ClientStatus } from '../../src/report/analysis/model.js';
import {
  claimed,
  day,
  type Happened,
  iso,
  key,
  minute,
  now,
  onlyClient,
  refused,
  reportOf,
  token,
} from './making.js';

const aMinute = minute / day;
const until = (days: number): MigrationPlan => ({
  clients: { a: { mode: 'extension', until: iso(-days) } },
});
const sunset = (days: number): MigrationPlan => ({ sunsetAt: iso(-days) });

const cases: readonly [
  what: string,
  status: ClientStatus,
  things: readonly Happened[],
  plan?: MigrationPlan,
][] = [
  ['only keys', 'on keys', key('a', [1, 5])],
  ['only refused keys', 'on keys', refused('a', 1, ['k'])],
  ['keys and tokens', 'in progress', [...key('a', 1), ...token('a', 2)]],
  ['a key now', 'on keys', key('a', 0)],
  ['a key a minute less than 14 days ago', 'on keys', key('a', 14 - aMinute)],
  ['a key exactly 14 days ago', 'inactive', key('a', 14)],
  [
    'a key a minute less than 14 days ago, and a token since',
    'in progress',
    [...key('a', 14 - aMinute), ...token('a', 1)],
  ],
  ['a key exactly 14 days ago, and a token since', 'migrated', [...key('a', 14), ...token('a', 1)]],
  [
    'a refused key 3 days ago, and tokens',
    'in progress',
    [...refused('a', 3, ['k']), ...token('a', 1)],
  ],
  ['a token since its last key, long ago', 'migrated', [...key('a', 60), ...token('a', 50)]],
  ['a token before its last key, long ago', 'inactive', [...key('a', 50), ...token('a', 60)]],
  ['key and token in one minute, long ago', 'inactive', [...key('a', 50), ...token('a', 50)]],
  ['tokens and never a key', 'migrated', token('a', 70)],
  ['refused tokens and never a key', 'inactive', refused('a', 1)],
  ['keys and refused tokens', 'blocked', [...key('a', 1), ...refused('a', 2)]],
  ['keys and refused tokens that only say so', 'on keys', [...key('a', 1), ...claimed('a', 2)]],
  ['keys, and tokens refused 14 days ago', 'on keys', [...key('a', 1), ...refused('a', 14)]],
  [
    'keys, refused tokens and a good one',
    'in progress',
    [...key('a', 1), ...refused('a', 2), ...token('a', 13)],
  ],
  [
    'keys, refused tokens and a good one long ago',
    'blocked',
    [...key('a', 1), ...refused('a', 2), ...token('a', 14)],
  ],
  ['blocked close to its sunset', 'overdue', [...key('a', 1), ...refused('a', 2)], sunset(3)],
  ['keys 30 days before the sunset', 'on keys', key('a', 1), sunset(30)],
  ['keys a minute less before the sunset', 'overdue', key('a', 1), sunset(30 - aMinute)],
  ['keys and tokens close to the sunset', 'overdue', [...key('a', 1), ...token('a', 1)], sunset(3)],
  ['keys after the sunset', 'overdue', refused('a', 1, ['k']), sunset(-3)],
  ['inactive after the sunset', 'inactive', key('a', 20), sunset(-3)],
  ['migrated close to the sunset', 'migrated', [...key('a', 20), ...token('a', 1)], sunset(3)],
  ['keys with an extension', 'extended', key('a', 1), until(3)],
  ['blocked with an extension', 'extended', [...key('a', 1), ...refused('a', 1)], until(3)],
  ['keys with an extension that ends now', 'overdue', key('a', 1), until(0)],
  ['migrated with an extension', 'migrated', [...key('a', 20), ...token('a', 1)], until(3)],
  ['inactive with an extension', 'inactive', key('a', 20), until(3)],
];

test.each(cases)('%s: %s', (_, status, things, plan = {}) => {
  expect(onlyClient(things, { plan }).status).toBe(status);
});

describe('the end of a client', () => {
  const plan: MigrationPlan = {
    sunsetAt: iso(-100),
    cohorts: { early: { sunsetAt: iso(-10.5) }, same: { mode: 'token-only' } },
    clients: {
      early: { cohort: 'early' },
      same: { cohort: 'same' },
      more: { mode: 'extension', until: iso(-150), cohort: 'early' },
    },
  };
  const things = ['early', 'same', 'more', 'other'].flatMap((client) => key(client, 1));
  const { clients } = reportOf(things, { plan });
  const of = (client: string) => clients.find((one) => one.client === client);

  test.each([
    ['early', { cohort: 'early', daysToSunset: 10, sunsetAt: iso(-10.5), status: 'overdue' }],
    ['same', { cohort: 'same', daysToSunset: 100, mode: 'token-only', standing: 'token-only' }],
    ['more', { cohort: 'early', daysToSunset: 150, mode: 'extension', status: 'extended' }],
    ['other', { daysToSunset: 100, mode: 'dual', standing: 'dual', status: 'on keys' }],
  ])('%s has its own, its cohort’s, or the plan’s', (client, expected) => {
    expect(of(client)).toMatchObject(expected);
  });

  test('is behind it from then on, and the days are negative', () => {
    const ended = (milliseconds: number) => {
      const sunsetAt = new Date(now - milliseconds).toISOString();
      const { standing, daysToSunset } = onlyClient(key('a', 1), { plan: { sunsetAt } });
      return [standing, daysToSunset];
    };
    expect(ended(-day)).toEqual(['dual', 1]);
    expect(ended(1 - day)).toEqual(['dual', 0]);
    expect(ended(-1)).toEqual(['dual', 0]);
    expect(ended(0)).toEqual(['sunset', -1]);
    expect(ended(day)).toEqual(['sunset', -1]);
    expect(ended(day + 1)).toEqual(['sunset', -2]);
  });
});
