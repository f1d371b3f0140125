import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MigrationPlan } from '../../src/index.js';
import { inFull, runs } from '../runs.js';
import { bearing, requestOf, verdict } from './ask.js';
import { keyFor, mint, now } from './mint.js';
import { announcedOn, keyed, parseFixdate, parseLinks, planned, plans, times } from './notices.js';

const key = await keyFor('ES256');
const guide = 'https://docs.test/migrate';
const sunsetOf = async (plan: MigrationPlan, at = now()) =>
  announcedOn(await planned(plan, { now: () => at })(keyed)).Sunset;

describe('RFC 8594 §3, the field', () => {
  test.each([
    ['2030-04-01T00:00:00Z', 'Mon, 01 Apr 2030 00:00:00 GMT'],
    ['2030-04-01T00:00:00+02:00', 'Sun, 31 Mar 2030 22:00:00 GMT'],
    ['2030-03-31T17:00-07:00', 'Mon, 01 Apr 2030 00:00:00 GMT'],
    ['2032-02-29T23:59:59Z', 'Sun, 29 Feb 2032 23:59:59 GMT'],
    ['2999-12-31T23:59:59Z', 'Tue, 31 Dec 2999 23:59:59 GMT'],
  ])('RFC 8594 §3 [G02]: %s MUST be the HTTP-date %s', async (sunsetAt, field) => {
    expect(await sunsetOf({ sunsetAt })).toBe(field);
    expect(parseFixdate(field)).toBe(Date.parse(sunsetAt) / 1000);
  });

  test('RFC 8594 §3: within a second, the client is told its beginning', async () => {
    expect(await sunsetOf({ sunsetAt: '2030-04-01T00:00:00.999Z' })).toBe(
      'Mon, 01 Apr 2030 00:00:00 GMT',
    );
  });

  test('RFC 9110 §5.6.7 [G02]: of any plan at any time it MUST be an IMF-fixdate, to come', async () => {
    let sunsets = 0;
    await fc.assert(
      fc.asyncProperty(plans, times, async (plan, time) => {
        const Sunset = await sunsetOf(plan, time);
        if (Sunset === undefined) return;
        sunsets += 1;
        const { sunsetAt, cohorts = {}, clients = {} } = plan;
        const written = [
          sunsetAt,
          ...Object.values(cohorts).map((one) => one.sunsetAt),
          ...Object.values(clients).map((one) =>
            typeof one === 'object' && 'until' in one ? one.until : undefined,
          ),
        ].flatMap((date) => (date ? [Math.floor(Date.parse(date) / 1000)] : []));
        expect(written).toContain(parseFixdate(Sunset));
        expect(parseFixdate(Sunset)).toBeGreaterThanOrEqual(Math.floor(time / 1000));
      }),
      { numRuns: runs(500) },
    );
    if (inFull) expect(sunsets).toBeGreaterThan(50);
  });

  test.each([
    ['Mon, 01 Apr 2030 00:00:00 UTC'],
    ['Mon, 01 Apr 2030 00:00:00 +0000'],
    ['Mon, 1 Apr 2030 00:00:00 GMT'],
    ['Tue, 01 Apr 2030 00:00:00 GMT'],
    ['mon, 01 apr 2030 00:00:00 gmt'],
    ['Mon, 01 Apr 2030 24:00:00 GMT'],
    ['Mon, 01 Apr 2030 00:60:00 GMT'],
    ['Sun, 31 Apr 2030 00:00:00 GMT'],
    ['Monday, 01-Apr-30 00:00:00 GMT'],
    ['Mon Apr  1 00:00:00 2030'],
    ['2030-04-01T00:00:00Z'],
    ['@1901232000'],
    [''],
  ])('RFC 9110 §5.6.7: the parser of these tests refuses "%s"', (field) => {
    expect(() => parseFixdate(field)).toThrow(SyntaxError);
  });
});

describe('RFC 8594 §3, what it promises', () => {
  const sunsetAt = '2030-01-01T00:00:00Z';
  const until = '2030-02-01T00:00:00Z';
  const early: MigrationPlan = { cohort: 'early', cohorts: { early: { sunsetAt } }, guide };
  const plansThatEnd: readonly (readonly [of: string, plan: MigrationPlan])[] = [
    ['all', { sunsetAt }],
    ['a cohort', { ...early, sunsetAt: until }],
    ['a cohort alone', early],
    ['an extension', { clients: { client_1: { mode: 'extension', until: sunsetAt } } }],
  ];

  test.each(plansThatEnd)(
    'RFC 8594 §3: the keys of %s work until then, and from then on not',
    async (_, plan) => {
      let time = now() - 1;
      const guard = planned(plan, { now: () => time });
      const before = await guard(keyed);
      expect(verdict(before)).toBe('allowed');
      expect(announcedOn(before).Sunset).toBe('Tue, 01 Jan 2030 00:00:00 GMT');
      time += 1;
      expect(verdict(await guard(keyed))).toBe('ERR_API_KEY_RETIRED');
    },
  );

  test('RFC 8594 §3: a client with an extension is told its own date', async () => {
    const plan: MigrationPlan = { sunsetAt, clients: { client_1: { mode: 'extension', until } } };
    expect(await sunsetOf(plan)).toBe('Fri, 01 Feb 2030 00:00:00 GMT');
  });

  test('RFC 8594 §3: a date in the past is never announced: such a key is refused', async () => {
    const decision = await planned({ sunsetAt: '2029-12-31T23:59:59Z', guide })(keyed);
    expect(verdict(decision)).toBe('ERR_API_KEY_RETIRED');
    expect(announcedOn(decision)).not.toHaveProperty('Sunset');
  });

  test.each([
    ['key-only', undefined],
    ['dual', 'Fri, 01 Feb 2030 00:00:00 GMT'],
    ['deprecated', 'Fri, 01 Feb 2030 00:00:00 GMT'],
  ] as const)('RFC 8594 §3: in %s the client is told %s', async (mode, field) => {
    expect(await sunsetOf({ mode, sunsetAt: until })).toBe(field);
  });
});

describe('RFC 8594 §5, on which responses it is', () => {
  const plan: MigrationPlan = { sunsetAt: '2030-02-01T00:00:00Z', guide };

  test('RFC 8594 §5 [G05]: a key’s, and not a token’s', async () => {
    const guard = planned(plan, { keys: [key.jwk] });
    expect(announcedOn(await guard(keyed))).toHaveProperty('Sunset');
    expect(announcedOn(await guard(bearing(mint(key))))).toEqual({});
    const both = requestOf({ authorization: `Bearer ${mint(key)}`, 'x-api-key': 'key' });
    expect(announcedOn(await guard(both))).toEqual({});
    expect(announcedOn(await guard(requestOf({})))).toEqual({});
  });
});

describe('RFC 8594 §6, the link', () => {
  test('RFC 8594 §6 [G04]: its relation is there exactly where the field is, with a guide', async () => {
    await fc.assert(
      fc.asyncProperty(plans, times, async (plan, time) => {
        const decision = await planned(plan, { now: () => time })(keyed);
        const { Sunset, Link } = announcedOn(decision);
        if (!decision.allowed || plan.guide === undefined) return;
        const relations = Link === undefined ? [] : parseLinks(Link).map((one) => one.relation);
        expect(relations.includes('sunset')).toBe(Sunset !== undefined);
      }),
      { numRuns: runs(500) },
    );
  });

  test.each([
    ['2030-01-01T00:00:00Z', 401],
    ['2030-01-01T00:00:00Z', 410],
  ] as const)(
    'RFC 8594 §6 [G04]: after %s, a refusal by %i has it too',
    async (sunsetAt, refusedStatus) => {
      const decision = await planned({ sunsetAt, refusedStatus, guide })(keyed);
      expect(decision.allowed || decision.denial.status).toBe(refusedStatus);
      expect(parseLinks(announcedOn(decision).Link)).toContainEqual({
        target: guide,
        relation: 'sunset',
      });
    },
  );
});
