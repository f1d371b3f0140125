import { describe, expect, test } from 'vitest';
import { checkPlan } from '../../src/plan.js';

const page = /(?:See|\(see) "The plan" in docs\/api-keys\.md of sallyport[.)]$/;

function sentences(plan: object | string): string[] {
  try {
    checkPlan(plan as never);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

const plan = `{
  "mode": "duel",
  "sunset": "2027-06-30T00:00:00Z",
  "deprecatedAt": "2027-06-31",
  "refusedStatus": 403,
  "cohorts": {
    "beta": { "percent": 120, "mode": "off" },
    "late": 5
  },
  "clients": {
    "acme": { "mode": "token-onyl", "cohort": "late" },
    "other": [{ "issuer": "https://a.test", "mode": "dual" }, { "issuer": "https://a.test" }],
    "third": "dual"
  },
  "brownouts": [
    {
      "start": "2027-05-01T00:00:00Z",
      "ends": "2027-05-08T00:00:00Z",
      "daily": { "at": ["9:00", "10:00", "10:00"], "minutes": 0 }
    }
  ],
  "checks": { "iss": "report", "scopes": "off" }
}`;

describe('several mistakes of one plan', () => {
  test('are reported together, in the order of their lines', () => {
    const lines = sentences(plan);
    expect(
      lines.map((line) =>
        line.replace(/^(\S+) \(line (\d+)\)(?:: | must | is not a known name).*$/, '$2 $1'),
      ),
    ).toEqual([
      '2 plan.mode',
      '3 plan.sunset',
      '4 plan.deprecatedAt',
      '5 plan.refusedStatus',
      '7 plan.cohorts["beta"].percent',
      '7 plan.cohorts["beta"].mode',
      '8 plan.cohorts["late"]',
      '11 plan.clients["acme"].mode',
      '12 plan.clients["other"][1]',
      '18 plan.brownouts[0].ends',
      '19 plan.brownouts[0].daily.at[0]',
      '19 plan.brownouts[0].daily.at[2]',
      '19 plan.brownouts[0].daily.minutes',
      '22 plan.checks.iss',
      '22 plan.checks.scopes',
    ]);
    expect(lines.filter((line) => page.test(line))).toEqual(lines.slice(-1));
  });

  test('are the same for an object, without lines', () => {
    const lines = sentences(JSON.parse(plan));
    expect(lines).toHaveLength(15);
    expect(lines.join('\n')).not.toMatch(/\(line|line \d/);
    expect(lines.at(-1)).toMatch(page);
  });

  test('are told as each is told alone', () => {
    const [mode] = sentences('{"mode": "duel"}');
    const lines = sentences('{"mode": "duel",\n"refusedStatus": 403}');
    expect(lines[0]).toBe(mode?.replace(page, '').trim());
  });

  test.each([20, 21, 100_000])('of %i at most 20 lines are told', (count) => {
    const clients = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`client_${index}`, 'off\n']),
    );
    for (const given of [{ clients }, JSON.stringify({ clients }, null, 1)]) {
      const lines = sentences(given);
      expect(lines).toHaveLength(20);
      expect(/^… and more errors\. ?(?:See|\(see) "The plan"/.test(lines.at(-1) ?? '')).toBe(
        count > 20,
      );
    }
  });

  test('a misspelled name is not also told as a missing one', () => {
    const brownouts = [{ strat: '2027-05-01T00:00:00Z', end: '2027-05-08T00:00:00Z' }];
    expect(sentences({ brownouts })).toEqual([
      expect.stringMatching(/^plan\.brownouts\[0\]\.strat\b.*"start"/),
    ]);
    const acme = { mode: 'extension', untl: '2027-06-30T00:00:00Z' };
    expect(sentences({ clients: { acme } })).toHaveLength(1);
  });

  test('with issuers, a rule has to name one of them', () => {
    const issuers = ['https://a.test', 'https://b.test'];
    const clients = { one: 'dual', two: { issuer: 'https://c.test' } };
    expect(() => checkPlan({ clients } as never, { issuers })).toThrow(/one.*\n.*two.*issuer/);
    expect(() =>
      checkPlan({ issuer: 'https://b.test', clients: { one: 'dual' } }, { issuers }),
    ).not.toThrow();
  });
});
