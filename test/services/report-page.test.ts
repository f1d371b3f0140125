import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, launch, type Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { contentSecurityPolicy, renderHtml } from '../../src/report/page/page.js';
import { emptyReport, largeReport, nasty, nastyReport, sampleReport } from '../report/sample.js';
import { describeWith, find } from './service.js';

const pages: Readonly<Record<string, string>> = {
  '/sample': renderHtml(sampleReport),
  '/empty': renderHtml(emptyReport),
  '/nasty': renderHtml(nastyReport()),
  '/harmless': renderHtml(nastyReport(nasty.map((_, i) => `word${i}`))),
  '/large': renderHtml(largeReport(2_000)),
};
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const sizes = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 900 } };
type Size = keyof typeof sizes;

/** What a page should never make happen. */
interface Seen {
  readonly requests: string[];
  readonly complaints: string[];
}

describeWith(['chromium'], 'the page of a report', () => {
  let browser: Browser;
  let server: Server;
  let origin: string;
  const profile = mkdtempSync(join(tmpdir(), 'report-page-'));
  const open: Page[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const page = pages[request.url ?? ''];
      response.writeHead(page === undefined ? 404 : 200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': contentSecurityPolicy,
      });
      response.end(page);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    browser = await launch({
      executablePath: find('chromium') ?? '',
      headless: true,
      userDataDir: profile,
      // Chromium's own sandbox refuses to run as root.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    });
  });
  afterEach(async () => {
    for (const page of open.splice(0)) await page.close();
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(profile, { recursive: true, force: true });
  });

  async function visit(
    path: string,
    options: { readonly size?: Size; readonly scheme?: string; readonly script?: boolean } = {},
  ): Promise<Page & { readonly seen: Seen }> {
    const { size = 'desktop', scheme = 'light', script = true } = options;
    const page = await browser.newPage();
    open.push(page);
    const seen: Seen = { requests: [], complaints: [] };
    page.on('request', (request) => seen.requests.push(new URL(request.url()).pathname));
    page.on('console', (message) => seen.complaints.push(message.text()));
    page.on('pageerror', (error) => seen.complaints.push(String(error)));
    page.on('dialog', (dialog) => seen.complaints.push(dialog.message()));
    await page.setJavaScriptEnabled(script);
    await page.setViewport({
      ...sizes[size],
      isMobile: size === 'phone',
      hasTouch: size === 'phone',
    });
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: scheme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]);
    await page.evaluateOnNewDocument(
      "document.addEventListener('securitypolicyviolation', (e) => console.error('CSP: ' + e.violatedDirective))",
    );
    await page.goto(origin + path);
    return Object.assign(page, { seen });
  }

  // The page is text to these tests: their own types know no document.
  const ask = <T>(page: Page, expression: string) => page.evaluate(expression) as Promise<T>;
  const clientsOf = (page: Page) =>
    ask<string[]>(
      page,
      "[...document.querySelectorAll('#client-table tbody:not([hidden]) th')].map((th) => th.textContent)",
    );
  const told = (page: Page) =>
    ask<string>(page, "document.getElementById('filter-told').textContent");
  const focused = (page: Page) =>
    ask<string>(
      page,
      "((e) => e.id || e.tagName + ' ' + e.textContent.trim().slice(0, 40))(document.activeElement)",
    );
  const frame = (page: Page) =>
    ask(page, 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');

  /** Presses Tab until this has the focus. */
  async function tabTo(page: Page, what: RegExp): Promise<void> {
    for (let i = 0; i < 120; i += 1) {
      await page.keyboard.press('Tab');
      if (what.test(await focused(page))) return;
    }
    throw new Error(`in 120 stops, the keyboard never comes to ${what}`);
  }

  const cases = (['/sample', '/empty', '/nasty'] as const).flatMap((path) =>
    (['phone', 'desktop'] as const).flatMap((size) =>
      ['light', 'dark'].map((scheme) => [path, size, scheme] as const),
    ),
  );
  describe.each(cases)('%s on a %s, %s', (path, size, scheme) => {
    test('breaks no rule, asks for nothing else, and does not scroll sideways', async () => {
      const page = await visit(path, { size, scheme });
      await ask(
        page,
        "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
      );
      expect(await ask(page, '[document.documentElement.scrollWidth, innerWidth]')).toEqual([
        sizes[size].width,
        sizes[size].width,
      ]);
      await page.evaluate(axe);
      const found = await ask(
        page,
        `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] })
          .then(({ violations, passes }) => ({
            passed: passes.length,
            violations: violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html]),
          }))`,
      );
      expect(found).toEqual({ passed: expect.any(Number), violations: [] });
      expect((found as { passed: number }).passed).toBeGreaterThan(20);
      expect(page.seen).toEqual({ requests: [path], complaints: [] });
    });
  });

  test('a script that is not its own is refused, and that is seen', async () => {
    const page = await visit('/sample');
    await ask(
      page,
      "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.stranger = 1' }))",
    );
    await frame(page);
    expect(await ask(page, 'typeof window.stranger')).toBe('undefined');
    expect(page.seen.complaints.join()).toContain('CSP: script-src');
  });

  test.each(['phone', 'desktop'] as const)(
    'what strangers wrote is text, on a %s',
    async (size) => {
      const shapeOf = async (path: string) => {
        const page = await visit(path, { size });
        const shape = await ask<string[]>(
          page,
          "[...document.querySelectorAll('*')].map((e) => e.tagName + ' ' + e.getAttributeNames().sort())",
        );
        await page.mouse.move(180, 400);
        expect(await ask(page, 'typeof window.stranger')).toBe('undefined');
        expect(page.seen).toEqual({ requests: [path], complaints: [] });
        return shape;
      };
      expect(await shapeOf('/nasty')).toEqual(await shapeOf('/harmless'));
    },
  );

  describe.each(['phone', 'desktop'] as const)('by keyboard alone, on a %s', (size) => {
    test('the clients are sorted', async () => {
      const page = await visit('/sample', { size });
      const before = await clientsOf(page);
      const sorted = () =>
        ask(
          page,
          "[...document.querySelectorAll('[aria-sort]')].map((th) => [th.textContent, th.getAttribute('aria-sort')])",
        );
      expect(await sorted()).toEqual([]);
      await tabTo(page, /^BUTTON Client$/);
      await page.keyboard.press('Enter');
      const ascending = await clientsOf(page);
      expect(ascending).toHaveLength(before.length);
      expect(ascending).not.toEqual(before);
      expect(ascending.slice(0, 3)).toEqual([
        'acme-warehouse',
        'aperture-test-runner',
        'billing-sync',
      ]);
      expect(await sorted()).toEqual([['Client', 'ascending']]);
      expect(await told(page)).toBe('40 of 40 clients shown, by Client, ascending');
      expect(await focused(page)).toBe('BUTTON Client');
      await page.keyboard.press('Space');
      expect(await clientsOf(page)).toEqual([...ascending].reverse());
      expect(await sorted()).toEqual([['Client', 'descending']]);

      await tabTo(page, /^BUTTON Keys 30/);
      await page.keyboard.press('Enter');
      const most = sampleReport.clients
        .map(({ keyRequests }) => keyRequests.month)
        .sort((a, b) => b - a);
      const shown = await ask<string[]>(
        page,
        "[...document.querySelectorAll('#client-table tbody td:nth-child(9)')].map((td) => td.textContent)",
      );
      expect(shown.map((text) => Number(text.replaceAll(',', '')))).toEqual(most);
      expect(await sorted()).toEqual([
        ['Keys\u00a030\u00a0d'.replace('\u00a0', ' '), 'descending'],
      ]);
    });

    test('the clients are filtered, and the filter is cleared', async () => {
      const page = await visit('/sample', { size });
      await tabTo(page, /^filter-text$/);
      await page.keyboard.type('hooli OKHTTP');
      await frame(page);
      const found = await clientsOf(page);
      expect(found.length).toBeGreaterThan(0);
      expect(found.every((client) => client.startsWith('hooli'))).toBe(true);
      expect(await told(page)).toBe(`${found.length} of 40 clients shown`);
      await tabTo(page, /^filter-clear$/);
      await page.keyboard.press('Enter');
      expect(await told(page)).toBe('40 of 40 clients shown');
      expect(await focused(page)).toBe('filter-text');

      await tabTo(page, /^filter-status$/);
      await page.keyboard.type('over');
      expect(await clientsOf(page)).toEqual([
        'globex-orders',
        'initech-reports',
        'umbrella-lab-import',
      ]);
      await tabTo(page, /^filter-cohort$/);
      await page.keyboard.type('int');
      expect(await clientsOf(page)).toEqual(['globex-orders']);
      expect(await told(page)).toBe('1 of 40 clients shown');
    });

    test('details are opened', async () => {
      const page = await visit('/sample', { size });
      await tabTo(page, /^SUMMARY Details of billing-sync/);
      const route =
        "document.querySelector('#client-0 code').checkVisibility({ contentVisibilityAuto: true })";
      expect(await ask(page, route)).toBe(false);
      await page.keyboard.press('Enter');
      expect(await ask(page, route)).toBe(true);
    });

    test('what has the focus can be seen', async () => {
      const page = await visit('/sample', { size });
      const ring =
        "((s) => s.outlineStyle + ' ' + parseFloat(s.outlineWidth))(getComputedStyle(document.activeElement))";
      for (let i = 0; i < 60; i += 1) {
        await page.keyboard.press('Tab');
        expect(await ask(page, ring), await focused(page)).toBe('solid 2');
        expect(
          await ask(
            page,
            `((e) => { const r = e.getBoundingClientRect(); const at = document.elementFromPoint(r.left + r.width / 2, r.top + Math.min(r.height / 2, 12)); return e.contains(at) || (at && at.contains(e)); })(document.activeElement)`,
          ),
          `${await focused(page)} is under something`,
        ).toBe(true);
      }
    });
  });

  test('a link to a client that is filtered away shows it, and opens it', async () => {
    const page = await visit('/sample');
    await tabTo(page, /^filter-text$/);
    await page.keyboard.type('no such client');
    await frame(page);
    expect(await told(page)).toBe('0 of 40 clients shown');
    await page.click('a[href="#client-0"]');
    expect(await told(page)).toBe('40 of 40 clients shown');
    expect(await ask(page, "document.querySelector('#client-0 details').open")).toBe(true);
    expect(await ask(page, 'location.hash')).toBe('#client-0');
  });

  test.each(['phone', 'desktop'] as const)(
    'a %s without JavaScript shows everything, and nothing that does not work',
    async (size) => {
      const page = await visit('/sample', { size, script: false });
      const snapshot = await page.accessibility.snapshot({ interestingOnly: false });
      const nodes: { role: string; name: string }[] = [];
      const collect = (node: NonNullable<typeof snapshot>): void => {
        nodes.push({ role: node.role, name: node.name ?? '' });
        for (const child of node.children ?? []) collect(child);
      };
      if (snapshot) collect(snapshot);
      const rows = nodes.filter(({ role }) => role === 'rowheader').map(({ name }) => name);
      for (const { client } of sampleReport.clients) expect(rows).toContain(client);
      for (const role of ['button', 'searchbox', 'combobox']) {
        expect(nodes.filter((node) => node.role === role)).toEqual([]);
      }
      expect(nodes.some(({ role, name }) => role === 'heading' && name === 'Data quality')).toBe(
        true,
      );
      await page.click('#client-0 summary');
      expect(await page.$eval('#client-0 details', (one) => one.hasAttribute('open'))).toBe(true);
      expect(page.seen).toEqual({ requests: ['/sample'], complaints: [] });
    },
  );

  test.each(['phone', 'desktop'] as const)(
    'a screen reader is told of a table, on a %s',
    async (size) => {
      const page = await visit('/sample', { size });
      const table = await page.$('#client-table');
      const snapshot = await page.accessibility.snapshot({
        interestingOnly: false,
        ...(table && { root: table }),
      });
      expect(snapshot).toMatchObject({
        role: 'table',
        name: expect.stringContaining('40 clients, the most urgent first'),
      });
      const text = JSON.stringify(snapshot);
      expect(text.match(/"role":"columnheader"/g)).toHaveLength(12);
      expect(text.match(/"role":"rowheader"/g)).toHaveLength(40);
    },
  );

  test('2,000 clients are sorted and filtered', async () => {
    const page = await visit('/large');
    await page.click('#client-table thead th:nth-child(1) button');
    await page.click('#client-table thead th:nth-child(1) button');
    expect((await clientsOf(page)).slice(0, 2)).toEqual(['client-1999', 'client-1998']);
    await page.type('#filter-text', 'client-199');
    await frame(page);
    expect(await told(page)).toBe('11 of 2000 clients shown, by Client, descending');
    // What is far from the screen is not laid out: that is what keeps it quick.
    await page.click('#filter-clear');
    const far =
      "document.querySelector('#client-0 th').checkVisibility({ contentVisibilityAuto: true })";
    expect(await ask(page, far)).toBe(false);
  });

  test('colours that the reader forces, and paper, leave everything there', async () => {
    const page = await visit('/sample');
    const session = await page.createCDPSession();
    await session.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'forced-colors', value: 'active' }],
    });
    expect(await ask(page, "matchMedia('(forced-colors: active)').matches")).toBe(true);
    const line = "getComputedStyle(document.querySelector('.line.key')).stroke";
    const ink = 'getComputedStyle(document.body).color';
    expect(await ask(page, line)).toBe(await ask(page, ink));
    await page.emulateMediaType('print');
    const shown = (part: string) =>
      ask(page, `document.querySelector('${part}').checkVisibility()`);
    expect(await shown('.filter')).toBe(false);
    expect(await shown('#client-39 th')).toBe(true);
    expect((await page.pdf({ format: 'a4' })).length).toBeGreaterThan(10_000);
  });
});
