import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/core/base/errors.js';
import { doNow } from '../../src/core/base/slices.js';
import { parseWithLines } from '../../src/core/plan/json-lines.js';
import { parsePlan } from '../../src/core/plan/parse.js';
import { inFull, runs } from '../runs.js';
import { names, plans, shared } from './plans.js';

const told = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return '';
};

/** White space as JSON allows it, seldom much of it. */
const gap = fc.oneof(
  fc.constantFrom('', '', ' ', '\n', '\r\n', '\r', '\t', '\n  ', '\r\n\r\n', ' \n\r '),
);

/** A text as JSON may spell it, some characters escaped without need. */
const spelled = (text: string, escapes: boolean): string =>
  escapes
    ? `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
    : JSON.stringify(text);

/** Lays JSON out anyhow, and remembers in which line each member and each item begins. */
function layOut(value: unknown, gaps: () => string, escapes: () => boolean) {
  const lines = new Map<string, number>();
  let text = '';
  const line = () => text.split(/\r\n|\n|\r/).length;
  const put = (part: string) => {
    // A line feed behind a carriage return would make one line end of two.
    const space = gaps();
    text += text.endsWith('\r') && space.startsWith('\n') ? part : space + part;
  };
  const write = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) {
      text += typeof node === 'string' ? spelled(node, escapes()) : JSON.stringify(node);
      return;
    }
    const list = Array.isArray(node);
    text += list ? '[' : '{';
    Object.entries(node).forEach(([name, member], index) => {
      if (index > 0) put(',');
      put('');
      const here = `${path}/${name}`;
      lines.set(here, line());
      if (!list) {
        text += spelled(name, escapes());
        put(':');
        put('');
      }
      write(member, here);
    });
    put(list ? ']' : '}');
  };
  put('');
  write(value, '');
  put('');
  return { text, lines };
}

interface Layout {
  readonly gaps: readonly string[];
  readonly escapes: readonly boolean[];
}

const layouts: fc.Arbitrary<Layout> = fc.record({
  gaps: fc.oneof(
    fc.constantFrom([''], ['\n'], ['\r\n']),
    fc.array(gap, { minLength: 1, maxLength: 40 }),
  ),
  escapes: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
});

function laidOut(value: unknown, { gaps, escapes }: Layout) {
  let turn = 0;
  const next = <T>(list: readonly T[]): T => list[turn++ % list.length] as T;
  return layOut(
    value,
    () => next(gaps),
    () => next(escapes),
  );
}

test('JSON is read as JSON.parse reads it, in any layout', () => {
  const values = fc.jsonValue({ maxDepth: 4 }).filter((value) => {
    return !JSON.stringify(value).includes('__proto__');
  });
  fc.assert(
    fc.property(values, layouts, (value, layout) => {
      const { text } = laidOut(value, layout);
      expect(doNow(parseWithLines('plan', text))).toEqual(JSON.parse(text));
    }),
    { numRuns: runs(500) },
  );
});

/** Tells whether an object in the text has a name twice, or `__proto__`. */
function ambiguous(text: string): boolean {
  const names = (text.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? []).length;
  let kept = 0;
  JSON.parse(text, function count(this: object, name, value) {
    if (!Array.isArray(this) && name !== '') kept += 1;
    return value;
  });
  return text.includes('__proto__') || names !== kept;
}

test('what JSON.parse refuses is refused, and nothing else but names that stand twice', () => {
  const pieces = fc.constantFrom(
    ...['{', '}', '[', ']', ',', ':', '"', '""', '"a"', '"a":', '"b":1', 'true', 'null', 'nul'],
    ...['0', '1', '-', '.', '.5', 'e', 'E+2', '01', '-0', '1e999', ' ', '\n', '\\', '"\\n"'],
    ...['"\\u0041"', '"\\u00g0"', '"\t"', '\u00a0', '\uFEFF', "'", '/', '{}', '[]', '{"c":'],
  );
  const noise = fc.array(pieces, { maxLength: 7 }).map((list) => list.join(''));
  const bent = fc
    .tuple(plans, layouts, fc.nat(), fc.nat({ max: 3 }), noise)
    .map(([plan, layout, at, length, other]) => {
      const { text } = laidOut(plan, layout);
      const from = at % (text.length + 1);
      return text.slice(0, from) + other + text.slice(from + length);
    });
  const seen = { good: 0, bad: 0 };
  fc.assert(
    fc.property(fc.oneof(noise, bent), (text) => {
      let good = true;
      try {
        JSON.parse(text);
      } catch {
        good = false;
      }
      seen[good ? 'good' : 'bad'] += 1;
      const sentence = told(() => doNow(parseWithLines('plan', text)));
      if (sentence === '') expect(good).toBe(true);
      else if (good) expect(ambiguous(text), text).toBe(true);
      else expect(sentence).toMatch(/ \(line \d+, column \d+\) must .* See "The plan"/s);
    }),
    { numRuns: runs(800) },
  );
  if (inFull) expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(50);
});

test('a mistake is told with the line of its member, in any layout', () => {
  fc.assert(
    fc.property(plans, names, layouts, fc.nat(), (plan, name, layout, nth) => {
      const mistakes: readonly (readonly [path: string, bent: object])[] = [
        ['/mode', { ...plan, mode: 'off' }],
        ['/owner', { ...plan, owner: name }],
        ['/refusedStatus', { ...plan, refusedStatus: 400 }],
        [`/clients/${name}`, { ...plan, clients: { ...plan.clients, [name]: name } }],
        [`/clients/${name}/mode`, { ...plan, clients: { ...plan.clients, [name]: { mode: 5 } } }],
        [
          `/clients/${name}/${name}`,
          { ...plan, clients: { ...plan.clients, [name]: { [name]: 1 } } },
        ],
        [`/clients/${name}/checks/iss`, { ...plan, clients: { [name]: { checks: { iss: '' } } } }],
        [
          `/cohorts/${name}/percent`,
          { ...plan, cohorts: { ...plan.cohorts, [name]: { percent: 1 } } },
        ],
        ['/brownouts/1', { ...plan, brownouts: [...(plan.brownouts ?? []).slice(0, 1), name] }],
      ];
      const [path = '', bent] = mistakes[nth % mistakes.length] ?? [];
      fc.pre(path !== '/brownouts/1' || (plan.brownouts ?? []).length > 0);
      fc.pre(!(shared as readonly string[]).includes(name));
      fc.pre(
        !['mode', 'until', 'cohort', 'issuer', 'checks', 'tokenChecks'].includes(name) ||
          !path.endsWith(`/${name}/${name}`),
      );
      const { text, lines } = laidOut(bent, layout);
      const sentence = told(() => parsePlan('plan', text));
      const line = ` (line ${lines.get(path)})`;
      expect(sentence).toContain(line);
      expect(sentence.replace(line, '')).toBe(told(() => parsePlan('plan', bent)));
    }),
    { numRuns: runs(500) },
  );
});

test('a name that stands twice is found in any layout, at the second', () => {
  const other = 'a name to be replaced';
  fc.assert(
    fc.property(plans, names, layouts, (plan, name, layout) => {
      const clients = { ...plan.clients, [name]: 'dual', [other]: 'dual' };
      const { text, lines } = laidOut({ ...plan, clients }, { ...layout, escapes: [false] });
      const twice = text.replace(`"${other}"`, () => JSON.stringify(name));
      const sentence = told(() => parsePlan('plan', twice));
      const place = `plan.clients[${JSON.stringify(name)}]`;
      expect(sentence).toContain(`${place} (line ${lines.get(`/clients/${other}`)}, column `);
      expect(sentence).toContain(' must appear only once in its object; got ');
    }),
    { numRuns: runs(300) },
  );
});

test('a plan as large as they come is read at once', () => {
  const clients = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, index) => [`client_${index}`, 'token-only']),
  );
  const text = JSON.stringify({ clients });
  const begin = performance.now();
  expect(parsePlan('plan', text).clients.size).toBe(100_000);
  // Some 200 ms where nothing else runs: this only rules out what grows with the square.
  expect(performance.now() - begin).toBeLessThan(5_000);
});
