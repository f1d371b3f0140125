import { expect, test } from 'vitest';
import { pageOf } from '../../src/report/renderings.js';
import { migrationReport, migrationReportAsync, renderHtml, renderText } from '../../src/report.js';
import { inFull } from '../runs.js';
import { claimed, day, guard, iso, key, now, other, refused, token, usageOf } from './making.js';

const row = (index: number) => ({
  ...{
    issuer: '',
    client: `client-${index}`,
    key: `k${index}`,
    what: 'key' as const,
    detail: '',
    count: 5,
  },
  ...{ day: iso(1).slice(0, 10), first: (now - day) / 60_000, last: (now - day) / 60_000 },
});
const many = {
  trackingSince: now - 90 * day,
  rows: Array.from({ length: 12_000 }, (_, index) => row(index)),
  instances: [{ ...guard, at: now }],
};

test.runIf(inFull)('of 12,000 clients each list is bounded, and says what it left out', () => {
  const report = migrationReport({ usage: many, now, keys: [] });
  expect(report.clients).toHaveLength(10_000);
  expect(report.leftOut).toEqual({ clients: 2_000 });
  expect(report.clientsMigrated.total).toBe(12_000);
  expect(report.statuses['on keys']).toEqual({ clients: 12_000, safe: 0 });
  const text = renderText(report);
  expect(text).toContain('CLIENTS (12,000)');
  expect(text).toContain('and 10,000 more, all less urgent');
  expect(text.match(/^client-/gm)).toHaveLength(2_000);
  const page = renderHtml(report);
  expect(page.match(/<tbody role="rowgroup"/g)).toHaveLength(2_000);
  expect(page).toContain('10,000, all less urgent, are not on this page');
});

test('what one client does is bounded too', () => {
  const things = Array.from({ length: 300 }, (_, index) => [
    ...key('a', 1, `k${index}`),
    ...other('brownout', 1, { client: 'a', detail: iso(index / 1000) }),
    ...claimed('a', 1, `ERR_${index}`),
  ]).flat();
  const [a] = migrationReport({ usage: usageOf(things), now }).clients;
  expect([a?.keys.length, a?.unverified.length]).toEqual([50, 50]);
  expect(a?.leftOut).toEqual({ keys: 250, unverified: 250 });
});

test.runIf(inFull)(
  'other work goes on while a report of many rows, and its page, are made',
  async () => {
    let turns = 0;
    let running = true;
    const count = () => {
      turns += 1;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const rows = Array.from({ length: 200_000 }, (_, index) => row(index % 4_000));
    const report = await migrationReportAsync({ usage: { ...many, rows }, now });
    expect(turns).toBeGreaterThan(3);
    const made = turns;
    const page = await pageOf(report);
    running = false;
    expect(turns).toBeGreaterThan(made + 20);
    expect(page).toBe(renderHtml(report));
    expect(pageOf(report)).toBe(pageOf(report));
    expect(report).toEqual(migrationReport({ usage: { ...many, rows }, now }));
  },
);

test('unsigned tokens change nothing but what is marked as not verified', () => {
  const things = [...key('a', 1), ...token('b', 1), ...key('c', [80, 79]), ...refused('d', 3)];
  const forged = ['a', 'b', 'c', 'd', 'nobody'].flatMap((client) => claimed(client, [0, 1, 5]));
  const clean = migrationReport({ usage: usageOf(things), now });
  const attacked = migrationReport({ usage: usageOf([...things, ...forged]), now });
  const apart = attacked.clients.map(({ unverified: _, ...one }) => one);
  expect({ ...attacked, clients: apart }).toEqual({
    ...clean,
    clients: clean.clients.map(({ unverified: _, ...one }) => one),
  });
});
