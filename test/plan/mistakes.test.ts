import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/base/errors.js';
import { parsePlan } from '../../src/core/plan/parse.js';
import { beyondSchema, malformed, structural } from './mistakes.js';

const read = 'see "The plan" in docs/api-keys.md of sallyport';

/** The sentence that a mistake is answered with. */
function sentence(plan: unknown): string {
  try {
    parsePlan('plan', plan);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

/** A line for each member and each item; the mark tells in which of them the mistake is. */
function layOut(marked: string, newline: string) {
  const lines = marked.replace(/("(?:[^"\\]|\\.)*")|([{[,])/g, (_, text, sign) =>
    text === undefined ? `${sign}${newline}` : text,
  );
  const [before = ''] = lines.split('◀');
  return { text: lines.replace('◀', ''), line: before.split(newline).length };
}

describe.each([...structural, ...beyondSchema])('%s', (_, marked, says) => {
  test.each(['\n', '\r\n', '\r'])('is told with its line, lines ending in %j', (newline) => {
    const { text, line } = layOut(marked, newline);
    expect(sentence(text)).toBe(`${says} (line ${line}; ${read})`);
  });

  test('is told in a text of one line', () => {
    expect(sentence(marked.replace('◀', ''))).toBe(`${says} (line 1; ${read})`);
  });

  test('is told of an object', () => {
    const plan = JSON.parse(marked.replace('◀', ''));
    if (typeof plan !== 'string') expect(sentence(plan)).toBe(`${says} (${read})`);
  });
});

test.each(malformed)('%s is told with line and column', (_, marked, says) => {
  const [before = '', after = ''] = marked.split('◀');
  const lines = before.split(/\r\n|\r|\n/);
  const spot = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
  expect(sentence(before + after)).toBe(`${says} (${spot}; ${read})`);
});

const many = (count: number, of: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, of]));
const brownout = { start: '2027-05-01T00:00:00Z', end: '2027-05-02T00:00:00Z' };
const brownouts = (count: number) => Array.from({ length: count }, () => brownout);

test.each([
  [
    'plan.clients: 100001 clients are more than a plan may have: 100000',
    { clients: many(100_001, 'dual') },
    { clients: many(100_000, 'dual') },
  ],
  [
    'plan.cohorts: 1001 cohorts are more than a plan may have: 1000',
    { cohorts: many(1_001, {}) },
    { cohorts: many(1_000, {}) },
  ],
  [
    'plan.brownouts: 367 brownouts are more than a plan may have: 366',
    { brownouts: brownouts(367) },
    { brownouts: brownouts(366) },
  ],
])('%s', (says, tooMany, most) => {
  expect(sentence(tooMany)).toBe(`${says} (${read})`);
  expect(sentence(JSON.stringify(tooMany))).toBe(`${says} (line 1; ${read})`);
  expect(() => parsePlan('plan', most)).not.toThrow();
  expect(() => parsePlan('plan', JSON.stringify(most))).not.toThrow();
});

test('a text of more than 4 MiB is not read', () => {
  expect(() => parsePlan('plan', '{}'.padEnd(2 ** 22))).not.toThrow();
  expect(sentence('{}'.padEnd(2 ** 22 + 1))).toBe(
    `plan: 4194305 characters are more than a plan may have: 4194304 (${read})`,
  );
});

const noValue =
  'undefined is no value: is a variable not set? Give one, or leave out a name that may be';
const noDate = 'is no date of the years 2000 to 2999: write one such as "2027-06-30T00:00:00Z"';
const sparse: unknown[] = [brownout];
sparse.length = 2;

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'plan: undefined is no object: give the settings by name'],
  ['a function', () => ({}), 'plan: a function is no object: give the settings by name'],
  ['an undefined mode', { mode: undefined }, `plan.mode: ${noValue}`],
  ['an undefined sunset', { sunsetAt: undefined }, `plan.sunsetAt: ${noValue}`],
  ['undefined clients', { clients: undefined }, `plan.clients: ${noValue}`],
  [
    'an undefined client',
    { clients: { acme: undefined } },
    'plan.clients["acme"]: undefined is neither a mode nor an object with one',
  ],
  [
    "a client's undefined end",
    { clients: { acme: { mode: 'extension', until: undefined } } },
    `plan.clients["acme"].until: ${noValue}`,
  ],
  [
    'an undefined cohort',
    { cohorts: { beta: undefined } },
    'plan.cohorts["beta"]: undefined is no object: give the settings by name',
  ],
  [
    'an undefined percentage',
    { cohorts: { beta: { mode: 'dual', percent: undefined } } },
    `plan.cohorts["beta"].percent: ${noValue}`,
  ],
  [
    'an undefined dry run',
    { brownouts: [{ ...brownout, dryRun: undefined }] },
    `plan.brownouts[0].dryRun: ${noValue}`,
  ],
  [
    'a hole in a list',
    { brownouts: sparse },
    'plan.brownouts[1]: undefined is no object: give the settings by name',
  ],
  ['an undefined rule', { tokenChecks: { type: undefined } }, `plan.tokenChecks.type: ${noValue}`],
  ['a Date', { sunsetAt: new Date(0) }, `plan.sunsetAt: this ${noDate}`],
  [
    'NaN percent',
    { cohorts: { beta: { mode: 'dual', percent: Number.NaN } } },
    'plan.cohorts["beta"].percent: NaN is no number from 0 to 100',
  ],
  [
    'a Map of clients',
    { clients: new Map([['acme', 'token-only']]) },
    'plan.clients: this is no plain object: write each client under its name',
  ],
  [
    'inherited clients',
    { clients: Object.create({ acme: 'token-only' }) },
    'plan.clients: this is no plain object: write each client under its name',
  ],
  [
    'an inherited mode',
    Object.create({ mode: 'token-only' }),
    'plan.mode: "mode" is inherited: write it into the object itself',
  ],
  [
    '__proto__ of a parsed object',
    { clients: JSON.parse('{"__proto__": "dual"}') },
    'plan.clients["__proto__"]: "__proto__" names no client',
  ],
])('%s is told', (_, plan, says) => {
  expect(sentence(plan)).toBe(`${says} (${read})`);
});

test('a long value is cut, and a name is shown as JSON', () => {
  expect(sentence({ mode: 'x'.repeat(500) })).toContain(`plan.mode: "${'x'.repeat(80)}…" is none`);
  expect(sentence({ clients: { 'a"]\n': 'off' } })).toContain('plan.clients["a\\"]\\n"]: "off" is');
});

test('a plan is told under the name that it is given', () => {
  expect(() => parsePlan('plan of tests', { mode: 'off' })).toThrow(
    /^plan of tests\.mode: "off" is/,
  );
  expect(() => parsePlan('plan of tests', '{"mode": "off"}')).toThrow(/ \(line 1; see "The plan"/);
});
