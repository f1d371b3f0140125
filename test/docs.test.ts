import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const pages = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'src/README.md'],
  ...readdirSync(new URL('docs/', root)).map((name) => `docs/${name}`),
];

/** The part of an example that is quoted. */
function quickstart(file: string): string {
  const [, region] = /\/\/ #region quickstart\n(.*?)\n*\/\/ #endregion/s.exec(read(file)) ?? [];
  expect(region, `${file} has a region`).toBeDefined();
  return region ?? '';
}

test.each(pages)('code in %s is that of the example it names', (page) => {
  const text = read(page);
  const quoted = [...text.matchAll(/<!-- (examples\/\S+) -->\n```ts\n(.*?)\n?```/gs)];
  for (const [, file = '', code] of quoted) expect(code, file).toBe(quickstart(file));
  expect(text.match(/^```ts/gm)?.length ?? 0, 'every block names one').toBe(quoted.length);
});

test.each(pages)('links in %s lead somewhere', (page) => {
  for (const [, link = ''] of read(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
    if (link.startsWith('https://')) continue;
    expect(() => read(new URL(link, new URL(page, root)).pathname), link).not.toThrow();
  }
});

/** The anchors of a page's headings, as GitHub and npm make them. */
const anchorsOf = (page: string) =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test.each(pages)('anchors in %s are those of headings', (page) => {
  for (const [, link = '', anchor = ''] of read(page).matchAll(/\]\(([^)#]*)#([^)]+)\)/g)) {
    if (link.startsWith('https://')) continue;
    const target = link === '' ? page : new URL(link, new URL(page, root)).pathname;
    const path = target.replace(root.pathname, '');
    expect(anchorsOf(path), `${link}#${anchor}`).toContain(anchor);
  }
});

test('pages in the package link to files in the package only', () => {
  const inPackage = /^(README\.md|CHANGELOG\.md|LICENSE|(docs|examples)\/.+)$/;
  for (const page of pages.filter((name) => inPackage.test(name))) {
    for (const [, link = ''] of read(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (link.startsWith('https://')) continue;
      const path = new URL(link, new URL(page, root)).pathname.replace(root.pathname, '');
      expect(path, page).toMatch(inPackage);
    }
  }
});

test('sections that error messages refer to exist', () => {
  const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' });
  const named = sources
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...read(`src/${name}`).matchAll(/"([^"]+)" in (?:the )?(README|docs\/[\w-]+)/g),
    ]);
  expect(named.length).toBeGreaterThan(4);
  for (const [, section, page] of named) {
    expect(read(`${page}.md`), section).toMatch(new RegExp(`^#+ ${section}$`, 'm'));
  }
});

test('the README names every option and every requirement', () => {
  const names = (file: string, type: string) => {
    const [, body = ''] =
      new RegExp(`export interface ${type} \\{(.*?)\\n\\}`, 's').exec(read(file)) ?? [];
    return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, name]) => name);
  };
  const readme = read('README.md');
  const all = [
    ...names('src/core/token/issuer-options.ts', 'IssuerOptions'),
    ...names('src/core/options.ts', 'SharedOptions'),
    ...names('src/core/token/jwks-options.ts', 'JwksOptions'),
    ...names('src/core/requirements.ts', 'Requirements'),
  ];
  expect(all).toHaveLength(6 + 15 + 6 + 8);
  for (const name of all) expect(readme, name).toContain(`\`${name}\``);
});

const wordOf = (name = '') => new RegExp(`[\`"]${name.replace('$', '\\$')}\\b`);

test('the page on API keys names every option of theirs, and every member of a plan', () => {
  const page = read('docs/api-keys.md');
  const names = (file: string, type: string) => {
    const [, body = ''] =
      new RegExp(`export interface ${type} \\{(.*?)\\n\\}`, 's').exec(read(file)) ?? [];
    return [...body.matchAll(/^ {2}(?:readonly )?([$\w]+)\??[:(]/gm)].map(([, name]) => name);
  };
  const types = ['ApiKeyOptions', 'ApiKeyCacheOptions'].flatMap((type) =>
    names('src/core/api-key/options.ts', type),
  );
  types.push(...names('src/core/principal.ts', 'ApiKeyRecord'));
  types.push(...names('src/core/usage/options.ts', 'UsageOptions'));
  const plan = ['MigrationPlan', 'PlanClient', 'PlanCohort', 'Brownout', 'Daily'].flatMap((type) =>
    names('src/core/plan/plan.ts', type),
  );
  expect(types).toHaveLength(12 + 4 + 5 + 11);
  for (const name of [...types, ...plan]) expect(page, name).toMatch(wordOf(name));
});

test('the README can be read in one sitting', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(200);
});
