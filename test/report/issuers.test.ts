import { describe, expect, test } from 'vitest';
import type { ReportInput } from '../../src/report/analysis/input.js';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import { ownReport } from '../../src/report/analysis/own.js';
import { renderText } from '../../src/report.js';
import { type Happened, key, made, rowsOf, token, usageOf } from './making.js';

const [a, b] = ['https://a.test', 'https://b.test'];
type Told = readonly [issuer: string | undefined, things: readonly Happened[]];

/** Rows of several issuers; undefined: of a version that told none. */
const usageOfAll = (all: readonly Told[]) => ({
  ...usageOf([]),
  rows: all.flatMap(([issuer, things]) =>
    rowsOf(things).map((row) => ({ ...row, ...(issuer !== undefined && { issuer }) })),
  ),
});
const reportOf = (all: readonly Told[], rest: Omit<ReportInput, 'usage'> = {}) =>
  made({ usage: usageOfAll(all), ...rest });
const entries = ({ clients }: MigrationReport) =>
  clients.map(({ client, issuer, status }) => [client, issuer, status]);

describe('with one issuer', () => {
  const things = [...key('acme', 1), ...token('globex', 1)];

  test('nothing changes in what is shown', () => {
    const told = reportOf([[a, things]]);
    expect(renderText(told)).toBe(renderText(reportOf([[undefined, things]])));
    expect(told.issuers).toBeUndefined();
    expect(told.topKeyUsers).toEqual(['acme']);
  });

  test('rows of a version that told none are of it, and so is who is named without one', () => {
    const all: Told[] = [
      [undefined, key('acme', 9)],
      [a, token('acme', 1)],
    ];
    const report = reportOf(all, { clients: [{ client: 'acme', owner: 'Jo' }], keys: [] });
    expect(entries(report)).toEqual([['acme', a, 'in progress']]);
    expect(report.clients[0]?.owner).toBe('Jo');
    expect(reportOf(all, { exclude: ['acme'] }).clients).toEqual([]);
  });
});

describe('with several issuers', () => {
  const all: Told[] = [
    [a, key('acme', 1)],
    [b, token('acme', 1)],
  ];

  test('a client of the one is none of the other: neither makes the other look migrated', () => {
    const report = reportOf(all);
    expect(entries(report)).toEqual([
      ['acme', a, 'on keys'],
      ['acme', b, 'migrated'],
    ]);
    expect(report).toMatchObject({
      issuers: [a, b],
      halfMigrated: [],
      topKeyUsers: [`acme (${a})`],
    });
    expect(renderText(report, { width: 200 })).toContain(`acme (${a})`);
  });

  test('a key whose record names none is of neither, also while one of them has not come', () => {
    for (const others of [[[b, token('acme', 1)]], all] as Told[][]) {
      const report = reportOf([['', key('acme', 2)], ...others]);
      expect(entries(report)).toContainEqual(['acme', '', 'on keys']);
      expect(report.topKeyUsers).toContain('acme (issuer unknown)');
    }
  });

  test('who is left out is named with its issuer, or nobody is, and that is said', () => {
    expect(entries(reportOf(all, { exclude: [{ client: 'acme', issuer: b }] }))).toHaveLength(1);
    const report = reportOf(all, { exclude: ['acme'] });
    expect(entries(report)).toHaveLength(2);
    expect(report.dataQuality.notes.join()).toContain('must name an issuer');
  });

  test('no id of a client is what a list calls another', () => {
    const report = reportOf([
      [a, key('x (https://b.test)', 1)],
      [b, key('x', 1)],
    ]);
    expect(new Set(report.topKeyUsers).size).toBe(2);
  });
});

test('a row that says there was no issuer is of no client of the only issuer that is named', () => {
  const told = reportOf([['', key('acme', 1)]], {
    plan: { issuer: a, clients: { other: 'dual' } },
  });
  expect(ownReport(told, 'acme', a)).toBeUndefined();
  expect(ownReport(told, 'acme')).toMatchObject({ client: 'acme', issuer: '' });
});
