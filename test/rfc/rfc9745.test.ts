import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, checkPlan, type MigrationPlan } from '../../src/index.js';
import { inFull, runs } from '../runs.js';
import { bearing, refuse, requestOf, verdict } from './ask.js';
import { keyFor, mint, now } from './mint.js';
import {
  announcedOn,
  keyed,
  owner,
  parseDate,
  parseFixdate,
  parseLinks,
  planned,
  plans,
  times,
} from './notices.js';
import { answerTo, gone, prepare, refusals } from './refusals.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');
const guide = 'https://docs.test/migrate?from=keys';
const full = {
  mode: 'deprecated',
  deprecatedAt: '2029-10-01T00:00:00Z',
  sunsetAt: '2030-04-01T00:00:00Z',
  guide,
} as const;
const announced = {
  Deprecation: '@1885507200',
  Sunset: 'Mon, 01 Apr 2030 00:00:00 GMT',
  Link: `<${guide}>; rel="deprecation", <${guide}>; rel="sunset"`,
};

describe('RFC 9745 §2.1, the field', () => {
  test.each([
    ['2030-01-01T00:00:00Z', 1_893_456_000],
    ['2030-01-01T02:00:00+02:00', 1_893_456_000],
    ['2029-12-31T18:30-05:30', 1_893_456_000],
    ['2030-01-01T00:00:00.999Z', 1_893_456_000],
    ['2029-12-31T23:59:59.999999999Z', 1_893_455_999],
    ['2000-01-01T00:00:00Z', 946_684_800],
    ['2999-12-31T23:59:59Z', 32_503_679_999],
  ])('RFC 9745 §2.1 [G01]: %s MUST be the Date @%i', async (deprecatedAt, seconds) => {
    const { Deprecation } = announcedOn(await planned({ ...plain, deprecatedAt })(keyed));
    expect(parseDate(Deprecation)).toBe(seconds);
    expect(Deprecation).toBe(`@${seconds}`);
  });
  const plain: MigrationPlan = { mode: 'deprecated' };

  test('RFC 9745 §2.1 [G01]: of any plan at any time it MUST be a Date, the plan’s own', async () => {
    await fc.assert(
      fc.asyncProperty(plans, times, async (plan, time) => {
        const { Deprecation } = announcedOn(await planned(plan, { now: () => time })(keyed));
        if (Deprecation === undefined) return;
        const at = Date.parse(plan.deprecatedAt ?? '');
        expect(parseDate(Deprecation)).toBe(Math.floor(at / 1000));
      }),
      { numRuns: runs(300) },
    );
  });

  test.each([
    ['deprecated', 'a future date MAY be announced', '@1896134400'],
    ['dual', 'a future date is not announced yet', undefined],
    ['key-only', 'nothing is announced', undefined],
  ] as const)('RFC 9745 §2.1: to a client in %s %s', async (mode, _, said) => {
    const plan: MigrationPlan = { mode, deprecatedAt: '2030-02-01T00:00:00Z' };
    expect(announcedOn(await planned(plan)(keyed)).Deprecation).toBe(said);
  });

  test('RFC 9745 §2.1: in dual the date is announced from that moment on', async () => {
    const plan: MigrationPlan = { mode: 'dual', deprecatedAt: '2030-01-01T00:00:00Z' };
    for (const [time, said] of [
      [now() - 1, undefined],
      [now(), '@1893456000'],
    ] as const) {
      const { Deprecation } = announcedOn(await planned(plan, { now: () => time })(keyed));
      expect(Deprecation).toBe(said);
    }
  });

  test.each([
    'true',
    '?1',
    '1893456000',
    '@',
    '@ 1',
    '@1.5',
    '@+1',
    '@01',
    '@-0',
    '@1893456000;a=1',
    '@1, @2',
    '@1234567890123456',
    'Tue, 01 Jan 2030 00:00:00 GMT',
    '',
  ])('RFC 9651 §3.3.7: the parser of these tests refuses "%s"', (field) => {
    expect(() => parseDate(field)).toThrow(SyntaxError);
  });
});

describe('RFC 9745 §2.2, on which responses it is', () => {
  test('RFC 9745 §2.2 [G05]: a key’s', async () => {
    expect(announcedOn(await planned(full)(keyed))).toEqual(announced);
  });

  test.each([
    ['a scope', { scopes: ['b'] }, 'ERR_SCOPE_MISSING'],
    ['an organization', { orgId: 'org_1' }, 'ERR_ORG_MISSING'],
    ['the organization of the request', { orgId: () => undefined }, 'ERR_ORG_UNRESOLVED'],
    ['a check', { check: () => false }, 'ERR_CHECK_FAILED'],
  ])('RFC 9745 §2.2 [G05]: a good key’s that lacks %s', async (_, requirements, code) => {
    const decision = await planned(full)(keyed, requirements);
    expect(verdict(decision)).toBe(code);
    expect(announcedOn(decision)).toEqual(announced);
    expect(decision.allowed || decision.denial.status).toBe(403);
  });

  test('RFC 9745 §2.2 [G05]: what a 200 has, a 403 has, of any plan at any time', async () => {
    await fc.assert(
      fc.asyncProperty(plans, times, async (plan, time) => {
        const guard = planned(plan, { now: () => time });
        const [passed, lacking] = [await guard(keyed), await guard(keyed, { scopes: ['b'] })];
        expect(announcedOn(lacking)).toEqual(announcedOn(passed));
        expect(verdict(lacking)).toBe(passed.allowed ? 'ERR_SCOPE_MISSING' : verdict(passed));
      }),
      { numRuns: runs(300) },
    );
  });

  test('RFC 9745 §2.2 [G05]: never a token’s, of any plan, good or bad or beside a key', async () => {
    const token = mint(key, { claims: { iat: undefined, exp: 9e10 } });
    const beside = requestOf({ authorization: `Bearer ${token}`, 'x-api-key': 'key' });
    const forged = mint(stranger, { claims: { iat: undefined, exp: 9e10 } });
    const asked = [bearing(token), bearing(forged), bearing('opaque'), beside];
    await fc.assert(
      fc.asyncProperty(plans, times, async (plan, time) => {
        const guard = planned(plan, { keys: [key.jwk], now: () => time });
        const found = [];
        for (const request of asked) found.push(await guard(request));
        expect(found.map(verdict)).toEqual([
          'allowed',
          'ERR_TOKEN_SIGNATURE',
          'ERR_TOKEN_NOT_JWT',
          'allowed',
        ]);
        found.push(await guard(bearing(token), { scopes: ['b'] }));
        expect(found.map(announcedOn)).toEqual(found.map(() => ({})));
      }),
      { numRuns: 100 },
    );
  });

  test('RFC 9745 §2.2 [G05]: not where there is no credential, needed or not', async () => {
    const guard = planned(full);
    for (const optional of [true, false]) {
      expect(announcedOn(await guard(requestOf({}), { optional }))).toEqual({});
    }
  });

  test.each(refusals)('RFC 9745 §2.2 [G05]: not that of $code', async (refusal) => {
    const { guard, request, requirements } = prepare(refusal, key, stranger);
    const { headers } = await refuse(guard, request, requirements);
    expect(headers).not.toHaveProperty('Deprecation');
    expect(headers).not.toHaveProperty('Sunset');
    // A key that is over has nothing to come, but a way out.
    expect('Link' in headers).toBe(answerTo(refusal.code).told === 'ERR_API_KEY_RETIRED');
  });

  test.each([
    ['unknown', async () => undefined],
    ['disabled', async () => ({ ...owner, disabled: true })],
    ['expired', async () => ({ ...owner, expiresAt: 1 })],
  ])(
    'RFC 9745 §2.2 [G05]: not that of a key that is %s, whatever the plan says',
    async (_, lookup) => {
      const apiKeys = { from: [{ header: 'x-api-key' }], lookup, plan: full };
      const decision = await planned(full, { apiKeys })(keyed);
      expect(decision.allowed || decision.denial.status).toBe(401);
      expect(announcedOn(decision)).toEqual({});
    },
  );
});

describe('RFC 9745 §3, the link', () => {
  test('RFC 9745 §3 [G04]: it MAY be there before the date is', async () => {
    const headers = announcedOn(await planned({ mode: 'dual', guide })(keyed));
    expect(headers).toEqual({ Link: `<${guide}>; rel="deprecation"` });
  });

  test('RFC 9745 §3, RFC 8288 §3 [G04]: of any plan it MUST be a Link, to the guide', async () => {
    await fc.assert(
      fc.asyncProperty(plans, times, async (plan, time) => {
        const { Link, Sunset } = announcedOn(await planned(plan, { now: () => time })(keyed));
        if (Link === undefined) return;
        const links = parseLinks(Link);
        const target = new URL(plan.guide ?? '').href;
        expect(links.map((link) => link.target)).toEqual(links.map(() => target));
        const relations = links.map(({ relation }) => relation);
        expect(relations[0]).toBe('deprecation');
        if (Sunset !== undefined) expect(relations).toEqual(['deprecation', 'sunset']);
      }),
      { numRuns: runs(300) },
    );
  });

  const guideOf = (parts: readonly string[]) => `https://docs.test/${parts.join('')}`;
  const linkOf = async (written: string) =>
    announcedOn(await planned({ guide: written })(keyed)).Link;

  test('RFC 8288 §3: of any URI it MUST be that URI', async () => {
    const characters = [..."AZaz09-._~!$&'()*+,;=:@/?", '%20', '%3E', '%22', '%2c'];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...characters)), async (parts) => {
        const target = new URL(guideOf(parts)).href;
        expect(parseLinks(await linkOf(guideOf(parts)))).toEqual([
          { target, relation: 'deprecation' },
        ]);
      }),
      { numRuns: runs(300) },
    );
  });

  test('RFC 8288 §3: nothing that is written in a guide MUST get out of its link', async () => {
    const unit = fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(unit, fc.constantFrom(...'<>",;\\?#'))), async (parts) => {
        const link = await linkOf(guideOf(parts)).catch((error: unknown) => {
          expect(error).toBeInstanceOf(ConfigError);
          return '<refused>; rel="deprecation"';
        });
        expect(link).toMatch(/^<[^\s<>"]+>; rel="deprecation"$/);
      }),
      { numRuns: runs(300) },
    );
  });

  test.each([
    '',
    'https://docs.test/',
    '<https://docs.test/>',
    '<https://docs.test/>; rel=',
    '<https://docs.test/>; rel="deprecation',
    '<https://docs.test/>; rel="Deprecation"',
    '<https://docs.test/>; rel="deprecation",',
    '<https://docs.test/>; rel="deprecation" <https://docs.test/>; rel="sunset"',
    '<https://docs.test/a|b>; rel="deprecation"',
    '<https://docs.test/%zz>; rel="deprecation"',
    '<https://docs.test/>>; rel="deprecation"',
    '<docs>; rel="deprecation"',
  ])('RFC 8288 §3: the parser of these tests refuses %s', (field) => {
    expect(() => parseLinks(field)).toThrow(SyntaxError);
  });
});

describe('RFC 9745 §4, beside a sunset', () => {
  test('RFC 9745 §4 [G03]: of any plan at any time Sunset MUST NOT be earlier', async () => {
    let both = 0;
    await fc.assert(
      fc.asyncProperty(plans, times, async (plan, time) => {
        const { Deprecation, Sunset } = announcedOn(
          await planned(plan, { now: () => time })(keyed),
        );
        if (Deprecation === undefined || Sunset === undefined) return;
        both += 1;
        expect(parseFixdate(Sunset)).toBeGreaterThanOrEqual(parseDate(Deprecation));
      }),
      { numRuns: runs(800) },
    );
    if (inFull) expect(both).toBeGreaterThan(20);
  });

  const [first, second] = ['2030-02-01T00:00:00Z', '2030-02-01T00:00:01Z'];
  const laid: readonly (readonly [where: string, plan: (at: string) => MigrationPlan])[] = [
    ['of all', (sunsetAt) => ({ sunsetAt })],
    ['of a cohort', (sunsetAt) => ({ cohorts: { early: { sunsetAt } } })],
    ['of an extension', (until) => ({ clients: { client_1: { mode: 'extension', until } } })],
  ];
  test.each(laid)('RFC 9745 §4 [G03]: a sunset %s that is earlier MUST be refused', (_, plan) => {
    const wrong = { deprecatedAt: second, ...plan(first) };
    expect(() => checkPlan(wrong)).toThrow(ConfigError);
    expect(() => checkPlan(wrong)).toThrow(/must not be earlier than deprecatedAt \(RFC 9745\)/);
    expect(() => planned(wrong)).toThrow(ConfigError);
  });

  test.each(laid)(
    'RFC 9745 §4 [G03]: a sunset %s at the same time is none that is earlier',
    (_, plan) => {
      const right = { deprecatedAt: first, ...plan(first) };
      expect(checkPlan(right)).toBe(right);
    },
  );
});

describe('RFC 9745 §5, the resource', () => {
  test('RFC 9745 §5: deprecation MUST NOT change who may do what', async () => {
    const quiet = await planned({ mode: 'key-only' })(keyed);
    const told = await planned(full)(keyed);
    expect({ ...told, headers: {} }).toEqual(quiet);
  });

  test.each(gone)('RFC 9745 §5: $code as 410 has the way out, and no dates', async (refusal) => {
    const { guard, request } = prepare(refusal, key, stranger);
    const { headers } = await refuse(guard, request);
    expect(parseLinks(headers.Link)).toEqual([
      { target: 'https://docs.test/migrate', relation: 'deprecation' },
      { target: 'https://docs.test/migrate', relation: 'sunset' },
    ]);
    expect([headers.Deprecation, headers.Sunset]).toEqual([undefined, undefined]);
  });
});
