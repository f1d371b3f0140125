import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderMarkdown } from '../../src/report/text/markdown.js';
import { widthOf, wrap } from '../../src/report/text/table.js';
import { renderText } from '../../src/report/text/text.js';
import { runs } from '../runs.js';
import {
  emptyReport,
  largeReport,
  nasty,
  nastyReport,
  reportOf,
  sampleClient,
  sampleReport,
} from './sample.js';

const linesOf = (text: string) => text.split('\n');
const rowOf = (text: string, client: string) =>
  linesOf(text).find((line) => line.startsWith(client) && /\d|never/.test(line)) ?? '';

describe.each([60, 72, 80, 96, 120, 200])('in %d columns', (width) => {
  test.each([
    ['the sample', sampleReport],
    ['an empty report', emptyReport],
    ['one client', reportOf([sampleClient('only', 'on keys')])],
    ['what strangers wrote', nastyReport()],
    [
      'what strangers wrote without a blank',
      nastyReport(nasty.map((one) => one.replaceAll(' ', '-'))),
    ],
  ])('%s fits', (_, report) => {
    const lines = linesOf(renderText(report, { width }));
    for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(width);
  });

  test('every line of the table is cut alike', () => {
    const lines = linesOf(renderText(sampleReport, { width }));
    const rule = lines.find((line) => /^-+ {2}/.test(line)) ?? '';
    const at = rule.lastIndexOf('  ') + 2;
    const first = lines.indexOf(rule) + 1;
    for (const line of lines.slice(first, first + sampleReport.clients.length)) {
      if (/^[ -~…]*$/.test(line)) expect(line.slice(at)).toMatch(/^(yes|no)$/);
    }
  });
});

test('has the headline first, then who needs a person, then the clients', () => {
  const text = renderText(sampleReport);
  expect(linesOf(text)[0]).toBe('Migration report of 22 Nov 2026, 09:30 UTC, plan dual');
  expect(text).toMatch(/Clients migrated +57\u00a0% \(23 of 40 clients\)/);
  expect(text).toContain('billing-sync (payments), ERR_TOKEN_AUDIENCE x388, ERR_SCOPE_MISSING x24');
  expect(rowOf(text, 'billing-sync  ')).toMatch(/blocked +2026-11-22 +never +21,649 +0 +no$/);
  expect(text.indexOf('BLOCKED')).toBeLessThan(text.indexOf('CLIENTS (40)'));
  expect(text.indexOf('CLIENTS (40)')).toBeLessThan(text.indexOf('DATA QUALITY'));
});

test('has owner, cohort and mode where there is room', () => {
  expect(rowOf(renderText(sampleReport), 'acme')).not.toContain('Dana Whitfield');
  expect(rowOf(renderText(sampleReport, { width: 120 }), 'acme')).toMatch(
    /Dana Whitfield +partners +deprecated/,
  );
});

test('is 80 columns wide unless told, at least 60 and at most 400', () => {
  expect(renderText(sampleReport)).toBe(renderText(sampleReport, { width: 80 }));
  expect(renderText(sampleReport, { width: Number.NaN })).toBe(renderText(sampleReport));
  expect(renderText(sampleReport, { width: -1 })).toBe(renderText(sampleReport, { width: 60 }));
  expect(renderText(sampleReport, { width: Infinity })).toBe(
    renderText(sampleReport, { width: 400 }),
  );
});

test('says which cohort it is limited to, in both forms', () => {
  const report = { ...sampleReport, onlyCohort: 'long\u001B[31m tail' };
  expect(linesOf(renderText(report))[0]).toContain('only cohort long\\u{1b}[31m tail');
  expect(linesOf(renderMarkdown(report))[0]).toContain('only cohort long\\u{1b}[31m tail');
  expect(renderText(sampleReport)).not.toContain('only cohort');
});

test('says of an empty report that nothing is known', () => {
  for (const text of [renderText(emptyReport), renderMarkdown(emptyReport)]) {
    expect(text).toContain('there is nothing to report');
    expect(text).toContain('a client that looks inactive may be active');
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  }
});

test('has a line for each of 2,000 clients, and not more than ten of what else there is', () => {
  const text = renderText(largeReport(2_000));
  expect(text.match(/^client-/gm)).toHaveLength(2_000);
  expect(text).toMatch(/^OVERDUE \(150\)$/m);
  expect(text).toContain('  and 140 more');
});

test('numbers that have no room are rounded down, not cut', () => {
  const client = sampleClient('busy', 'on keys');
  const keyRequests = { day: 0, week: 0, month: 123_456_789 };
  expect(rowOf(renderText(reportOf([{ ...client, keyRequests }])), 'busy')).toMatch(
    / 123\.4M +0 +no$/,
  );
});

describe('what strangers wrote', () => {
  test('cannot reach the terminal', () => {
    const text = renderText(nastyReport(), { width: 400 });
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(text).toContain('escape\\u{1b}[2J\\u{1b}[31m\\u{9b}1m');
  });

  test('cannot, whatever it is, and begins no line of its own', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 6 }),
        (texts) => {
          const text = renderText(nastyReport(texts), { width: 100 });
          expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
          const markdown = renderMarkdown(nastyReport(texts));
          expect(markdown.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
          expect(linesOf(markdown)).toHaveLength(linesOf(renderMarkdown(sampleReport)).length);
        },
      ),
      { numRuns: runs(60) },
    );
  });

  test('is in Markdown a code span, out of which it cannot get, in a cell that it cannot end', () => {
    const texts = [
      ...nasty,
      'a|b',
      'a\\|b',
      '``',
      '@everyone',
      'https://x.example',
      'www.x.example',
      '_x_',
    ];
    const rows = linesOf(renderMarkdown(nastyReport(texts))).filter((line) =>
      line.startsWith('| '),
    );
    expect(rows).toHaveLength(sampleReport.clients.length + 2);
    for (const row of rows) {
      expect(row.replaceAll('\\', '').match(/\|/g)).toHaveLength(12);
      const outside = row.replaceAll(/`[^`]*`/g, '');
      expect(outside).not.toMatch(/[`<>@[\]*_&!$#{}]|:\/\/|www/);
    }
  });
});

test('a text is wrapped between words, and a long word anywhere', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('  one two', 7, '..')).toEqual(['  one', '  ..two']);
  expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  expect(wrap('顧客管理', 5)).toEqual(['顧客', '管理']);
  expect(wrap('顧客', 1)).toEqual(['顧', '客', '']);
  expect(widthOf('顧客a\u0301')).toBe(5);
});
