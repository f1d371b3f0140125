import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createApiKey, inMemoryApiKeys } from '../src/api-keys.js';
import { checkPlan, createGuard } from '../src/index.js';

const root = new URL('../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const page = read('docs/migration.md');
const plans = readdirSync(new URL('examples/migration/plans/', root)).sort();
const planOf = (name: string) => checkPlan(read(`examples/migration/plans/${name}`));
const last = planOf('4-move.json');

test.each(plans)('the plan %s is one, and stands in its step as it is played', (name) => {
  expect(() => planOf(name)).not.toThrow();
  const [, step = '', rest = ''] =
    /<!-- examples\/migration\/plans\/(\d)(\S+) -->/.exec(
      page.slice(page.indexOf(`plans/${name}`) - 30),
    ) ?? [];
  expect(`${step}${rest}`).toBe(name);
  const heading = page
    .slice(0, page.indexOf(`plans/${name}`))
    .match(/^## \d/gm)
    ?.at(-1);
  expect(heading).toBe(`## ${step}`);
});

test('every plan on the page is one of these, word for word', () => {
  const quoted = [...page.matchAll(/<!-- (examples\/\S+\.json) -->\n```json\n(.*?)```/gs)];
  expect(quoted.map(([, file]) => file)).toEqual(
    plans.map((name) => `examples/migration/plans/${name}`),
  );
  for (const [, file = '', text = ''] of quoted) {
    expect(text, file).toBe(read(file));
    expect(() => checkPlan(text), file).not.toThrow();
  }
  expect(page.match(/^```json/gm)).toHaveLength(quoted.length);
});

test('every code on the page is a code', () => {
  const codes = new Set(page.match(/ERR_[A-Z_]+/g));
  expect(codes.size).toBeGreaterThan(8);
  for (const code of codes) expect(read('docs/errors.md')).toContain(`| \`${code}\` |`);
});

test('the dates of the notices are those of the plan', () => {
  const notices = page.slice(page.indexOf('\n## Notices'), page.indexOf('\n## What support'));
  const written = (date = '') =>
    new Date(date).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' });
  const dates = [written(last.deprecatedAt), written(last.sunsetAt)];
  const found = new Set(notices.match(/\d+ [A-Z][a-z]+ \d{4}/g));
  expect([...found].sort()).toEqual(dates.sort());
  const { at, minutes } = last.brownouts?.[0]?.daily ?? {};
  for (const time of at ?? []) expect(notices).toContain(time);
  for (const length of [minutes ?? []].flat()) expect(notices).toContain(String(length));
});

test('a refusal in a brownout is the one that support is shown', async () => {
  const { key, digest } = createApiKey({ prefix: 'acme_live' });
  const guard = createGuard({
    issuer: 'https://login.example.com',
    audience: 'https://api.example.com',
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: inMemoryApiKeys([{ id: 'key_1', clientId: 'shop', digest }]),
      plan: last,
      onMigration: () => {},
    },
    now: () => Date.parse('2027-05-04T08:05:00Z'),
  });
  const header = (name: string) => (name === 'x-api-key' ? key : undefined);
  const decision = await guard({ method: 'GET', url: '/orders', header });
  if (decision.allowed) throw new Error('the key was accepted');
  const { status, headers, body } = decision.denial;
  const wait = `Retry-After: ${headers['Retry-After']}`;
  const shown = [`HTTP/1.1 ${status} Unauthorized`, wait, '', JSON.stringify(body, null, 2)];
  const [, quoted] = /<!-- a refused key,[^\n]*-->\n```\n(.*?)\n```/s.exec(page) ?? [];
  expect(quoted).toBe(shown.join('\n'));
});

test('the page can be read in one evening', () => {
  expect(page.split('\n').length).toBeLessThanOrEqual(420);
});
