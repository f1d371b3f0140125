import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/base/errors.js';
import { settingsOf } from '../../src/core/base/validate.js';
import { parsePlan } from '../../src/core/plan/parse.js';
import { beyondSchema, malformed, shown, structural } from './mistakes.js';

const page = 'See "The plan" in docs/api-keys.md of sallyport.';
const where = /^plan(?:\.[\w$]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\])*/;

/** The message that a call throws, without the page that it ends with. */
function thrownBy(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as Error;
    const end = / (?:See|\(see) "The plan" in docs\/api-keys\.md of sallyport[.)]$/;
    expect(message).toMatch(end);
    return message.replace(end, '');
  }
  throw new Error('was accepted');
}

const sentence = (plan: unknown): string => thrownBy(() => parsePlan('plan', plan));
const expected = (says: string | (() => unknown)): string =>
  typeof says === 'string' ? says : thrownBy(says);
const located = (says: string | (() => unknown), spot: string): string =>
  expected(says).replace(where, (place) => `${place} (${spot})`);

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
    expect(sentence(text)).toBe(located(says, `line ${line}`));
  });

  test('is told in a text of one line', () => {
    expect(sentence(marked.replace('◀', ''))).toBe(located(says, 'line 1'));
  });

  test('is told of an object', () => {
    const plan = JSON.parse(marked.replace('◀', ''));
    if (typeof plan !== 'string') expect(sentence(plan)).toBe(expected(says));
  });
});

test.each(malformed)('%s is told with line and column', (_, marked, says) => {
  const [before = '', after = ''] = marked.split('◀');
  const lines = before.split(/\r\n|\r|\n/);
  const spot = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
  expect(sentence(before + after)).toBe(located(says, spot));
});

const many = (count: number, of: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, of]));
const brownout = { start: '2027-05-01T00:00:00Z', end: '2027-05-02T00:00:00Z' };
const brownouts = (count: number) => Array.from({ length: count }, () => brownout);

test.each([
  [
    'plan.clients must have at most 100000 clients; got 100001.',
    { clients: many(100_001, 'dual') },
    { clients: many(100_000, 'dual') },
  ],
  [
    'plan.cohorts must have at most 1000 cohorts; got 1001.',
    { cohorts: many(1_001, {}) },
    { cohorts: many(1_000, {}) },
  ],
  [
    'plan.brownouts must have at most 366 brownouts; got 367.',
    { brownouts: brownouts(367) },
    { brownouts: brownouts(366) },
  ],
])('%s', (says, tooMany, most) => {
  expect(sentence(tooMany)).toBe(says);
  expect(sentence(JSON.stringify(tooMany))).toBe(located(says, 'line 1'));
  expect(() => parsePlan('plan', most)).not.toThrow();
  expect(() => parsePlan('plan', JSON.stringify(most))).not.toThrow();
});

test('a text of more than 4 MiB is not read', () => {
  expect(() => parsePlan('plan', '{}'.padEnd(2 ** 22))).not.toThrow();
  expect(sentence('{}'.padEnd(2 ** 22 + 1))).toBe(
    'plan must have at most 4194304 characters; got 4194305.',
  );
});

/** What the check that all options share says of a member that is undefined. */
const noValue = (where: string, name: string) => () =>
  settingsOf(where, { [name]: undefined }, [name]);
const sparse: unknown[] = [brownout];
sparse.length = 2;

test.each<[string, unknown, string | (() => unknown)]>([
  ['nothing', undefined, () => settingsOf('plan', undefined, [])],
  ['a function', () => ({}), () => settingsOf('plan', () => ({}), [])],
  ['an undefined mode', { mode: undefined }, noValue('plan', 'mode')],
  ['an undefined sunset', { sunsetAt: undefined }, noValue('plan', 'sunsetAt')],
  ['undefined clients', { clients: undefined }, noValue('plan', 'clients')],
  [
    'an undefined client',
    { clients: { acme: undefined } },
    'plan.clients["acme"] must be a mode or an object; got undefined. For example "dual" or { "mode": "dual" }.',
  ],
  [
    "a client's undefined end",
    { clients: { acme: { mode: 'extension', until: undefined } } },
    noValue('plan.clients["acme"]', 'until'),
  ],
  [
    'an undefined cohort',
    { cohorts: { beta: undefined } },
    () => settingsOf('plan.cohorts["beta"]', undefined, []),
  ],
  [
    'an undefined percentage',
    { cohorts: { beta: { mode: 'dual', percent: undefined } } },
    noValue('plan.cohorts["beta"]', 'percent'),
  ],
  [
    'an undefined dry run',
    { brownouts: [{ ...brownout, dryRun: undefined }] },
    noValue('plan.brownouts[0]', 'dryRun'),
  ],
  ['a hole in a list', { brownouts: sparse }, () => settingsOf('plan.brownouts[1]', undefined, [])],
  ['an undefined rule', { tokenChecks: { type: undefined } }, noValue('plan.tokenChecks', 'type')],
  [
    'a Date',
    { sunsetAt: new Date(0) },
    `plan.sunsetAt must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"; got ${shown(new Date(0))}.`,
  ],
  [
    'NaN percent',
    { cohorts: { beta: { mode: 'dual', percent: Number.NaN } } },
    'plan.cohorts["beta"].percent must be a number from 0 to 100; got NaN.',
  ],
  [
    'a Map of clients',
    { clients: new Map([['acme', 'token-only']]) },
    `plan.clients must be a plain object with a member for each client; got ${shown({})}. For example { "acme": "dual" }.`,
  ],
  [
    'inherited clients',
    { clients: Object.create({ acme: 'token-only' }) },
    `plan.clients must be a plain object with a member for each client; got ${shown({})}. For example { "acme": "dual" }.`,
  ],
  [
    'an inherited mode',
    Object.create({ mode: 'token-only' }),
    () => settingsOf('plan', Object.create({ mode: 'token-only' }), ['mode']),
  ],
  [
    '__proto__ of a parsed object',
    { clients: JSON.parse('{"__proto__": "dual"}') },
    'plan.clients["__proto__"] must have a name other than "" and "__proto__"; got "__proto__".',
  ],
])('%s is told', (_, plan, says) => {
  expect(sentence(plan)).toBe(expected(says));
});

test('a long value is cut, and a name is shown as JSON', () => {
  expect(sentence({ mode: 'x'.repeat(500) })).toContain(`"${'x'.repeat(80)}…"`);
  expect(sentence({ clients: { 'a"]\n': 'off' } })).toMatch(
    /^plan\.clients\["a\\"\]\\n"\](?::| must)/,
  );
});

test('a message begins with the name that the plan is given', () => {
  const plan = { refusedStatus: 400 };
  expect(() => parsePlan('plan of tests', plan)).toThrow(
    `plan of tests.refusedStatus must be 401 or 410; got 400. ${page}`,
  );
  expect(() => parsePlan('plan of tests', JSON.stringify(plan))).toThrow(
    `plan of tests.refusedStatus (line 1) must be 401 or 410; got 400. ${page}`,
  );
});
