import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import { contentSecurityPolicy, renderHtml } from '../../src/report/page/page.js';
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

/** The tags of a page, without what their attributes say: the script and the style apart. */
const skeleton = (page: string): string[] =>
  page
    .replace(/<(script|style)>.*?<\/\1>/gs, '<$1>')
    .match(/<[^>]*>/g)
    ?.map((tag) => tag.replace(/"[^"]*"/g, '""')) ?? [];

/** The texts of a page as a browser shows them. */
const textOf = (page: string): string =>
  page
    .replace(/<(script|style)>.*?<\/\1>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#39;|&lt;|&gt;|&quot;|&amp;/g, (entity) => entities[entity] ?? '')
    .replace(/\s+/g, ' ');
const entities: Record<string, string> = {
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&amp;': '&',
};

const harmless = (texts: readonly string[]) => texts.map((_, i) => `word${i}`);

describe('what strangers wrote', () => {
  test('adds no element and no attribute to the page', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...nasty, '"', "'", '<', '>', '&', '-->', '="', '\\', '`', '\0', '\n'),
    );
    const texts = fc.array(
      fc.array(piece, { maxLength: 4 }).map((pieces) => `q${pieces.join('')}`),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(texts, (chosen) => {
        const page = renderHtml(nastyReport(chosen));
        expect(skeleton(page)).toEqual(skeleton(renderHtml(nastyReport(harmless(chosen)))));
      }),
      { numRuns: runs(60) },
    );
  });

  test('is a test that can fail: a tag that is let through is seen', () => {
    const page = renderHtml(nastyReport(['word0']));
    const pierced = page.replace('word0', '<b>');
    expect(skeleton(pierced)).not.toEqual(skeleton(page));
  });

  test('is there to be read, each in full', () => {
    const page = textOf(renderHtml(nastyReport()));
    for (const text of nasty.filter((one) => /^[\x20-\x7e]{1,250}$/.test(one))) {
      expect(page).toContain(text.replace(/\s+/g, ' '));
    }
  });

  test('has no invisible character left in it, and none that turns the others round', () => {
    const page = renderHtml(nastyReport());
    expect(page.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(textOf(page)).toContain('safe\\u{202e}txt.exe\\u{202c}');
    expect(textOf(page)).toContain('nul\\u{0} bell\\u{7}');
    expect(textOf(page)).toContain('lone \\u{d800} surrogate \\u{dc00}');
    expect(page).not.toMatch(/\p{M}{4}/u);
  });

  test('is cut where it is endless, and says so', () => {
    const page = textOf(renderHtml({ ...sampleReport, orphanKeys: ['k'.repeat(301)] }));
    expect(page).toContain(`${'k'.repeat(300)}… (1 more)`);
    expect(page).not.toContain('k'.repeat(301));
    expect(textOf(renderHtml({ ...sampleReport, orphanKeys: ['k'.repeat(300)] }))).toContain(
      `${'k'.repeat(300)} `,
    );
  });

  test.each([
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    'data:text/html,x',
    '//evil',
    ' https://x',
  ])('is a link only to the web: %s is text', (guide) => {
    const page = renderHtml({ ...sampleReport, plan: { ...sampleReport.plan, guide } });
    const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => href);
    expect(links.filter((href) => !href?.startsWith('#'))).toEqual([]);
    expect(textOf(page)).toContain(`Guide: ${guide.trim()}`);
  });

  test('is no markup, even as an object that claims to be', () => {
    const spoilt = JSON.parse('{"toString":null,"markup":"<b>x</b>","text":"<b>x</b>"}');
    const orphanKeys = [{ ...spoilt, toString: () => '<b>y</b>' }] as unknown as string[];
    expect(renderHtml({ ...sampleReport, orphanKeys })).not.toMatch(/<b>[xy]/);
  });
});

describe('the policy', () => {
  const page = renderHtml(sampleReport);
  const blocks = (name: string) =>
    [...page.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, text]) => text ?? '');

  test.each(['style', 'script'])('names the hash of the one %s there is', (name) => {
    expect(blocks(name)).toHaveLength(1);
    const hash = createHash('sha256')
      .update(blocks(name)[0] ?? '')
      .digest('base64');
    expect(contentSecurityPolicy).toContain(`${name}-src 'sha256-${hash}'`);
  });

  test('is the same of every report, and in the page too but for frame-ancestors', () => {
    expect(contentSecurityPolicy).toMatch(
      /^default-src 'none'; style-src '[^']+'; script-src '[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    for (const report of [sampleReport, emptyReport, nastyReport()]) {
      const inPage = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(
        renderHtml(report),
      );
      expect(`${inPage?.[1]}; frame-ancestors 'none'`).toBe(contentSecurityPolicy);
    }
  });

  test('is not tried: no attribute is a style or an event, and nothing is loaded', () => {
    const tags = skeleton(renderHtml(nastyReport())).join('');
    expect(tags).not.toMatch(/\s(style|on\w+|src|srcset|action|xlink:href)=/);
    expect(tags).not.toMatch(/<(link|img|iframe|object|embed|form|base|audio|video)\b/);
    expect(blocks('style')[0]).not.toMatch(/url\(|@import|@font-face/);
  });
});

describe('the page', () => {
  test('has the figures first', () => {
    const page = textOf(renderHtml(sampleReport));
    expect(page).toContain('15 clients of 40 are left to migrate. The sunset is in 38 days.');
    expect(page).toMatch(/Clients migrated 57\s% 23 of 40 clients/);
    expect(page).toContain('Migration complete 19 Dec 2026 – 6 Feb 2027');
    expect(page).toContain(
      'Clients left 15 3 overdue, 2 blocked, 4 on keys, 5 in progress, 1 extended; 2 inactive and safe to cut',
    );
    expect(page).toContain('Safe to cut Not yet');
    expect(page).not.toMatch(/rehears|loose ends|needs a person|keys against tokens/i);
    expect(page.indexOf('Clients migrated')).toBeLessThan(
      page.indexOf('API key and token traffic'),
    );
    expect(page.indexOf('Action required 10')).toBeLessThan(page.indexOf('billing-sync'));
  });

  test('shows each member of a client', () => {
    const client = sampleReport.clients[0];
    const page = textOf(renderHtml(reportOf(client ? [client] : [])));
    for (const shown of [
      ...['billing-sync', 'payments', 'early', 'dual', 'blocked', '22 Nov 2026', '5,034', '21,649'],
      ...(client?.routes.map(({ route }) => route) ?? []),
      ...(client?.agents.map(({ agent }) => agent) ?? []),
      ...(client?.keys.map(({ id }) => id) ?? []),
      ...['ERR_TOKEN_AUDIENCE 388 times', client?.safeToCut.why ?? '-'],
    ]) {
      expect(page).toContain(shown);
    }
  });

  test('has one row, with a head, for each client, and twelve cells to each', () => {
    const rows = renderHtml(largeReport(2_000)).match(/<tbody role="rowgroup".*?<\/tr>/gs) ?? [];
    expect(rows).toHaveLength(2_000);
    for (const row of rows) {
      expect(row.match(/<th scope="row"/g)).toHaveLength(1);
      expect(row.match(/<td/g)).toHaveLength(11);
    }
  });

  test('says of an empty report that nothing is known, not that all is well', () => {
    const page = textOf(renderHtml(emptyReport));
    expect(page).toContain('No client is known yet, so there is nothing to report.');
    expect(page).toContain(
      'Nothing has been counted yet: a client that looks inactive may be active.',
    );
    expect(page).toContain('No requests have been counted yet.');
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test('has no empty value in it, of one client or of many', () => {
    for (const report of [reportOf([sampleClient('only', 'migrated')], 1), sampleReport]) {
      expect(textOf(renderHtml(report))).not.toMatch(/NaN|undefined|Infinity|\[object|\bnull\b/);
    }
  });

  test('says when it can lie', () => {
    const dataQuality = {
      ...sampleReport.dataQuality,
      reporting: 0,
      dropped: 12_345,
      daysTracked: 3,
    };
    const page = textOf(renderHtml({ ...sampleReport, dataQuality }));
    expect(page).toMatch(
      /Read with care: counted for 3 days only; no guard is reporting; 1 guard ended without being closed; 12,345 requests not counted by client/,
    );
    expect(page).toContain('every client looks inactive since the last flush, and may not be');
    expect(textOf(renderHtml(sampleReport))).toContain(
      '6 guards reporting, the last flush was at 22 Nov 2026, 09:28 UTC; later requests are not in this report',
    );
    const { silentKeys: _, ...young } = sampleReport;
    expect(textOf(renderHtml(young))).toContain('Not known yet');
  });

  test('says which cohort it is limited to', () => {
    const page = renderHtml({ ...sampleReport, onlyCohort: 'early' });
    expect(textOf(page)).toContain('Only cohort early');
    expect(page).toContain(', cohort early</title>');
  });

  const plans: readonly (readonly [string, Partial<MigrationReport>])[] = [
    [
      'Days to sunset Past 3 days ago',
      { plan: { mode: 'dual', sunsetAt: '2026-11-19T00:00Z', daysToSunset: -3 } },
    ],
    ['Days to sunset No date', { plan: { mode: 'dual' } }],
    ['Migration complete No trend Flat', { projection: { state: 'no trend', why: 'Flat.' } }],
    ['Migration complete Done', { projection: { state: 'done' } }],
    [
      '19 days after the sunset, or more',
      { projection: { state: 'range', from: '2027-01-19', to: '2027-02-01' } },
    ],
    [
      'continues: before the sunset',
      { projection: { state: 'range', from: '2026-12-01', to: '2026-12-31' } },
    ],
    ['API keys can be switched off.', { safeToCut: true }],
    ['No client is blocked or overdue', { clients: [], failing: [], risks: [] }],
  ];
  test.each(plans)('says: %s', (sentence, change) => {
    expect(textOf(renderHtml({ ...sampleReport, ...change }))).toContain(sentence);
  });
});
