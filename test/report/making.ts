import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect } from 'vitest';
import {
  mergeRows,
  type Usage,
  type UsageInstance,
  type UsageKind,
  type UsageRow,
} from '../../src/core/usage/usage.js';
import { migrationReport } from '../../src/report/analysis/build.js';
import type { ReportInput } from '../../src/report/analysis/input.js';
import type { ClientReport, MigrationReport } from '../../src/report/analysis/model.js';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;
export const now = Date.parse('2030-03-15T12:00:00Z');

/** A time so many days ago, as ISO 8601. */
export const iso = (daysAgo: number): string => new Date(now - daysAgo * day).toISOString();

/** One thing that happened, as no row knows it. */
export interface Happened {
  readonly at: number;
  readonly what: UsageKind;
  readonly client: string;
  readonly key: string;
  readonly detail: string;
}

const undated: readonly UsageKind[] = ['brownout', 'route', 'agent', 'query'];

/** The row of one thing. */
export const rowOf = ({ at, ...said }: Happened): UsageRow => ({
  // Rows of a version that told no issuer have none.
  ...(said as Happened & { readonly issuer: string }),
  day: undated.includes(said.what) ? '' : new Date(at).toISOString().slice(0, 10),
  count: 1,
  first: Math.floor(at / minute),
  last: Math.floor(at / minute),
});

export function rowsOf(things: readonly Happened[]): UsageRow[] {
  const rows = new Map<string, UsageRow>();
  mergeRows(rows, things.map(rowOf));
  return [...rows.values()];
}

type Times = number | readonly number[];

const each = (days: Times, said: Omit<Happened, 'at'>): Happened[] =>
  [days].flat().map((ago) => ({ ...said, at: now - ago * day }));

/** Keys that were let in, so many days ago. */
export const key = (client: string, days: Times, id = `${client}-key`): Happened[] =>
  each(days, { what: 'key', client, key: id, detail: '' });

export const token = (client: string, days: Times): Happened[] =>
  each(days, { what: 'token', client, key: '', detail: '' });

/** Keys that were refused; without an id, tokens of a client that was known for certain. */
export const refused = (client: string, days: Times, [id, code]: readonly string[] = []) =>
  each(days, {
    what: 'refused',
    client,
    key: id ?? '',
    detail: code ?? (id ? 'ERR_API_KEY_RETIRED' : 'ERR_SCOPE_MISSING'),
  });

export const claimed = (client: string, days: Times, code = 'ERR_TOKEN_EXPIRED'): Happened[] =>
  each(days, { what: 'claimed', client, key: '', detail: code });

/** Any other kind. */
export const other = (what: UsageKind, days: Times, said: Partial<Happened>): Happened[] =>
  each(days, { client: '', key: '', detail: '', ...said, what });

/** A guard that told a moment ago. */
export const guard: UsageInstance = {
  instance: 'one',
  seq: 7,
  since: now - 3000 * day,
  at: now - 20_000,
  every: 30,
  dropped: 0,
  closed: false,
};

interface Tracked {
  readonly tracked?: number;
  readonly instances?: readonly UsageInstance[];
}

/** What a store has read after so many days, 100 unless told otherwise. */
export const usageOf = (
  things: readonly Happened[],
  { tracked = 100, instances = [guard] }: Tracked = {},
): Usage => ({ trackingSince: now - tracked * day, rows: rowsOf(things), instances });

const schema = new URL('../../src/report/report.schema.json', import.meta.url);
export const fits = new Ajv({ strict: true }).compile(JSON.parse(readFileSync(schema, 'utf8')));

/** A report that fits its schema, and is the same again after JSON. */
export function made(input: ReportInput): MigrationReport {
  const report = migrationReport({ now, ...input });
  expect(fits(report), JSON.stringify(fits.errors)).toBe(true);
  expect(JSON.parse(JSON.stringify(report))).toStrictEqual(report);
  return report;
}

type Rest = Omit<ReportInput, 'usage'> & Tracked;

/** The report of what happened. */
export function reportOf(things: readonly Happened[], rest: Rest = {}): MigrationReport {
  const { tracked, instances, ...input } = rest;
  const told = { ...(tracked !== undefined && { tracked }), ...(instances && { instances }) };
  return made({ usage: usageOf(things, told), ...input });
}

/** What a report tells of the one client that it is about. */
export function onlyClient(things: readonly Happened[], rest: Rest = {}): ClientReport {
  const { clients } = reportOf(things, rest);
  expect(clients).toHaveLength(1);
  return clients[0] as ClientReport;
}
