import fc from 'fast-check';
import { weekdays } from '../../src/core/base/dates.js';
import {
  type Brownout,
  type Check,
  checks,
  type Daily,
  keyChecks,
  type MigrationPlan,
  type Mode,
  type PlanClient,
  type PlanCohort,
  type Rule,
  rules,
} from '../../src/core/plan/plan.js';

export const shared = ['key-only', 'dual', 'deprecated', 'token-only'] as const;
export const base = Date.parse('2027-01-01T00:00:00Z');
export const minute = 60_000;
export const day = 1440 * minute;

/** A time as some offset writes it. */
const written = (time: number): fc.Arbitrary<string> =>
  fc
    .record({ minutes: fc.integer({ min: -839, max: 839 }), zulu: fc.boolean() })
    .map(({ minutes, zulu }) => {
      const local = new Date(time + minutes * minute).toJSON();
      if (zulu) return new Date(time).toJSON();
      const far = Math.abs(minutes);
      const two = (value: number) => String(value).padStart(2, '0');
      const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(far / 60))}:${two(far % 60)}`;
      return local.replace(/(:00)?\.000Z$/, '').replace(/Z$/, '') + offset;
    });

export const dateBetween = (from: number, to: number): fc.Arbitrary<string> =>
  fc
    .integer({ min: 0, max: Math.floor((to - from) / 1000) })
    .chain((seconds) => written(from + seconds * 1000));

/** Names as users choose them: with quotes, backslashes, dots, brackets, other scripts. */
export const names = fc
  .oneof(
    fc.constantFrom('acme', 'a"b', 'a\\', '\\"', 'a.b', 'x]["y', 'é', '客户', '😀', 'constructor'),
    fc.constantFrom('toString', 'clients', 'mode', '1', '', ' ', '\n', '\u2028', 'a: "b"', '(see'),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  )
  .filter((name) => name !== '' && name !== '__proto__');

const some = <T>(of: readonly T[]) => fc.uniqueArray(fc.constantFrom(...of), { minLength: 1 });

const someOf = <C extends Check>(of: readonly C[]) =>
  fc.dictionary(fc.constantFrom(...of), fc.constantFrom(...rules), {
    noNullPrototype: true,
  }) as fc.Arbitrary<{ readonly [K in C]?: Rule }>;
const someChecks = someOf(keyChecks);
const someTokenChecks = someOf(checks);

const daily: fc.Arbitrary<Daily> = fc.record(
  {
    at: fc.uniqueArray(
      fc
        .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
        .map((time) => time.map((part) => String(part).padStart(2, '0')).join(':')),
      { minLength: 1, maxLength: 4 },
    ),
    minutes: fc.oneof(
      fc.integer({ min: 1, max: 1439 }),
      fc.array(fc.integer({ min: 1, max: 1439 }), { minLength: 1, maxLength: 4 }),
    ),
    days: some(weekdays),
  },
  { requiredKeys: ['at', 'minutes'] },
);

export const brownoutOf = (cohorts: readonly string[]): fc.Arbitrary<Brownout> =>
  fc.record(
    {
      start: dateBetween(base, base + 30 * day),
      // More than a week, so that each day of the week comes.
      end: dateBetween(base + 39 * day, base + 80 * day),
      daily,
      ...(cohorts.length > 0 && { cohorts: some(cohorts) }),
      exempt: fc.uniqueArray(names, { minLength: 1, maxLength: 3 }),
      paused: fc.boolean(),
      dryRun: fc.boolean(),
    },
    { requiredKeys: ['start', 'end'] },
  );

const cohort: fc.Arbitrary<PlanCohort> = fc
  .record({
    mode: fc.constantFrom(...shared),
    percent: fc.double({ min: 0, max: 100, noNaN: true }),
    salt: names,
    sunsetAt: dateBetween(base + 100 * day, base + 200 * day),
    has: fc.integer({ min: 0, max: 3 }),
    hasSunset: fc.boolean(),
  })
  .map(({ mode, percent, salt, sunsetAt, has, hasSunset }) => ({
    ...(has > 0 && { mode }),
    ...(has > 1 && { percent }),
    ...(has > 2 && { salt }),
    ...(hasSunset && { sunsetAt }),
  }));

const clientOf = (cohorts: readonly string[]): fc.Arbitrary<Mode | PlanClient> => {
  const rest = {
    checks: someChecks,
    tokenChecks: someTokenChecks,
    issuer: fc.constant('https://issuer.test'),
    ...(cohorts.length > 0 && { cohort: fc.constantFrom(...cohorts) }),
  };
  return fc.oneof(
    fc.constantFrom(...shared),
    fc.record({ mode: fc.constantFrom(...shared), ...rest }, { requiredKeys: [] }),
    fc.record(
      {
        mode: fc.constant('extension' as const),
        until: dateBetween(base + 201 * day, base + 400 * day),
        ...rest,
      },
      { requiredKeys: ['mode', 'until'] },
    ),
  );
};

/** Plans without a mistake; what is deprecated is so before `base` + 100 days, sunset until 200. */
export const plans: fc.Arbitrary<MigrationPlan> = fc
  .dictionary(names, cohort, { maxKeys: 4, noNullPrototype: true })
  .chain((cohorts) => {
    const defined = Object.keys(cohorts);
    return fc.record(
      {
        $schema: fc.constant('./node_modules/sallyport/plan.schema.json'),
        mode: fc.constantFrom(...shared),
        deprecatedAt: dateBetween(base, base + 99 * day),
        sunsetAt: dateBetween(base + 100 * day, base + 200 * day),
        guide: fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }),
        refusedStatus: fc.constantFrom(401 as const, 410 as const),
        ...(defined.length > 0 && { cohort: fc.constantFrom(...defined) }),
        clients: fc.dictionary(names, clientOf(defined), { maxKeys: 6, noNullPrototype: true }),
        cohorts: fc.constant(cohorts),
        brownouts: fc.array(brownoutOf(defined), { maxLength: 3 }),
        pauseBrownouts: fc.boolean(),
        checks: someChecks,
        tokenChecks: someTokenChecks,
        issuer: fc.constantFrom('https://issuer.test', 'urn:issuer'),
      },
      { requiredKeys: ['cohorts'] },
    );
  });
