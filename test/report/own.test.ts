import { expect, test } from 'vitest';
import { ownReport, stillOnKeys } from '../../src/report/analysis/own.js';
import { iso, key, other, reportOf, token } from './making.js';

const report = reportOf(
  [
    ...key('a', [1, 2]),
    ...token('b', 1),
    ...key('c', [60, 50, 20]),
    ...key('d', [80, 79]),
    ...other('brownout', 3, { client: 'b', key: 'k', detail: iso(4) }),
  ],
  {
    clients: [{ client: 'a', owner: 'mia' }],
    keys: [
      { id: 'a-key', clientId: 'a', createdBy: 'ben' },
      { id: 'b-key', clientId: 'b', createdBy: 'zoe' },
    ],
  },
);

test('a client sees itself, and no other', () => {
  const own = ownReport(report, 'a');
  expect(own).toMatchObject({ client: 'a', status: 'on keys', keys: [{ id: 'a-key', month: 2 }] });
  const text = JSON.stringify(own);
  for (const stranger of ['mia', 'ben', 'zoe', 'b-key', '"b"', '"c"']) {
    expect(text).not.toContain(stranger);
  }
  expect(Object.keys(own ?? {})).toEqual(
    Object.keys(report.clients.find(({ client }) => client === 'a') ?? {}).filter(
      (name) => name !== 'owner',
    ),
  );
});

test.each(['nobody', '', '__proto__', 'A'])('there is nothing to see for %j', (client) => {
  expect(ownReport(report, client)).toBeUndefined();
});

test('whoever is not safe to cut holds everyone up', () => {
  // b is on tokens and never had a key; c is quiet, but has been away for longer; d is gone.
  expect(stillOnKeys(report)).toEqual(['a', 'c']);
  expect(stillOnKeys(reportOf(token('b', 1), { tracked: 34 }))).toEqual(['b']);
  expect(stillOnKeys(reportOf([]))).toEqual([]);
});
