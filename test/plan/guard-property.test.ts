import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkPlan,
  type DecisionEvent,
  type MigrationPlan,
  type PlanClient,
  type SharedMode,
} from '../../src/index.js';
import { bearing, requestOf, verdict } from '../rfc/ask.js';
import { guardFor, keyFor, mint, now } from '../rfc/mint.js';
import { inFull, runs } from '../runs.js';

const key = await keyFor('ES256');
const hour = 3_600_000;
const slow = { timeout: 30_000 };

/** Hours after midnight of 1 January 2030, as a plan writes them. */
const at = (hours: number) => new Date(now() + hours * hour).toJSON();

const order = ['key-only', 'dual', 'deprecated', 'token-only'] as const;
const mode = fc.constantFrom<SharedMode>(...order);
const cohort = fc.constantFrom('a', 'b');
const due = fc.integer({ min: 20, max: 60 }).map(at);
const maybe = { nil: undefined, freq: 2 };

/** Leaves out what is not there, as JSON does. */
const written = <T>(value: fc.Arbitrary<T>) => value.map((one) => JSON.parse(JSON.stringify(one)));

const cohorts = fc.record({ a: cohortPlan(), b: cohortPlan() });
function cohortPlan() {
  const sunsetAt = fc.option(due, maybe);
  return fc.oneof(
    fc.record({ sunsetAt }),
    fc.record({ sunsetAt, mode, percent: fc.constantFrom(0, 100, undefined) }),
  );
}
const client = fc.oneof(
  mode,
  fc.record({ mode: fc.option(mode, maybe), cohort: fc.option(cohort, maybe) }),
  fc.record({
    mode: fc.constant('extension'),
    until: fc.integer({ min: 61, max: 80 }).map(at),
    cohort: fc.option(cohort, maybe),
  }),
);
const brownout = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 80 }))
  .chain(([start, length]) =>
    fc.record({
      start: fc.constant(at(start)),
      end: fc.constant(at(start + length)),
      cohorts: fc.option(fc.constantFrom(['a'], ['b'], ['a', 'b']), maybe),
      exempt: fc.option(fc.constantFrom(['one'], ['two', 'key_four']), maybe),
      paused: fc.constantFrom(true, false, false, false, undefined),
      dryRun: fc.constantFrom(true, false, false, undefined),
    }),
  );
const plans: fc.Arbitrary<MigrationPlan> = written(
  fc.record({
    mode: fc.option(mode, maybe),
    deprecatedAt: fc.option(fc.integer({ min: 0, max: 20 }).map(at), maybe),
    sunsetAt: fc.option(due, maybe),
    cohort: fc.option(cohort, maybe),
    cohorts,
    clients: fc.record(
      { one: client, two: client, three: client, key_four: client },
      { requiredKeys: [] },
    ),
    brownouts: fc.array(brownout, { maxLength: 5 }),
    pauseBrownouts: fc.constantFrom(true, false, false, false, false, undefined, undefined),
  }),
);
const times = fc
  .tuple(fc.integer({ min: 0, max: 85 }), fc.constantFrom(-1, 0, 1))
  .map(([hours, more]) => now() + hours * hour + more);

/** The rules of a plan once more, as plainly as they can be written. */
function expected(plan: MigrationPlan, name: string, time: number, route?: SharedMode) {
  const given = plan.clients?.[name] ?? {};
  const own = typeof given === 'string' ? { mode: given } : (given as PlanClient);
  const group = own.cohort ?? plan.cohort;
  const theirs = (group !== undefined && plan.cohorts?.[group]) || {};
  const sunsetAt = own.until ?? theirs.sunsetAt ?? plan.sunsetAt;
  const drawn = theirs.percent === 0 ? undefined : theirs.mode;
  const planned = own.mode ?? drawn ?? plan.mode ?? 'dual';
  const rank = (one: string) => (one === 'extension' ? 2 : order.indexOf(one as SharedMode));
  const inForce = route && rank(route) > rank(planned) ? route : planned;
  const over = sunsetAt !== undefined && time >= Date.parse(sunsetAt);
  const open = (plan.brownouts ?? []).filter(
    ({ start, end, cohorts, exempt, paused }) =>
      !paused &&
      !plan.pauseBrownouts &&
      own.mode !== 'extension' &&
      time >= Date.parse(start) &&
      time < Date.parse(end) &&
      (cohorts === undefined || (group !== undefined && cohorts.includes(group))) &&
      !exempt?.includes(name),
  );
  let said = 'allowed';
  if (open.some(({ dryRun }) => !dryRun)) said = 'ERR_API_KEY_BROWNOUT';
  if (over) said = 'ERR_API_KEY_RETIRED';
  if (inForce === 'token-only') said = 'ERR_API_KEY_MIGRATED';
  const wouldDeny = said === 'allowed' && open.length > 0 ? ['ERR_API_KEY_BROWNOUT'] : undefined;
  return { said, mode: inForce, cohort: group, wouldDeny, over, sunsetAt };
}

test(
  'any plan, client, time and route: the rules hold, and a good token passes',
  slow,
  async () => {
    const seen: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(
        plans,
        fc.constantFrom('one', 'two', 'three', 'key_four', 'five'),
        times,
        fc.option(mode, maybe),
        async (plan, name, time, route) => {
          checkPlan(plan);
          let event: DecisionEvent | undefined;
          const guard = guardFor([key.jwk], {
            now: () => time,
            onDecision: (one) => {
              event = one;
            },
            apiKeys: {
              from: [{ header: 'x-api-key' }],
              lookup: async ({ value }) =>
                value.startsWith('key_') ? { id: value } : { id: `key_${value}`, clientId: value },
              plan,
              onMigration: () => {},
            },
          });
          const asked = route && { mode: route };

          const token = mint(key, {
            claims: { client_id: name, iat: time / 1000 - 1, exp: time / 1000 + 60 },
          });
          expect(await guard(bearing(token), asked)).toMatchObject({ allowed: true, headers: {} });

          const decision = await guard(requestOf({ 'x-api-key': name }), asked);
          const { over, said, sunsetAt, ...told } = expected(plan, name, time, route);
          expect(verdict(decision)).toBe(said);
          expect({
            mode: event?.mode,
            cohort: event?.cohort,
            wouldDeny: event?.wouldDeny,
          }).toEqual(told);
          if (over || route === 'token-only') expect(decision.allowed).toBe(false);
          if (decision.allowed && 'Sunset' in decision.headers) {
            expect(decision.headers.Sunset).toBe(new Date(String(sunsetAt)).toUTCString());
            expect(Date.parse(decision.headers.Sunset as string)).toBeGreaterThan(time - 1000);
          }
          seen[said] = (seen[said] ?? 0) + 1;
        },
      ),
      // Biased values would crowd on the first day.
      { numRuns: runs(300), unbiased: true },
    );
    // Each answer was met, or the property would say little.
    if (inFull) expect(Object.keys(seen)).toHaveLength(4);
    if (inFull) expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
  },
);

test('nothing that a plan says of modes and dates changes what a token gets', slow, async () => {
  const tokens = [
    mint(key),
    mint(key, { claims: { client_id: undefined } }),
    mint(key, { claims: { client_id: 'one', aud: 'https://other.test' } }),
    mint(key, { claims: { client_id: 'two', exp: 1 } }),
    'opaque',
  ];
  const answers = async (plan?: MigrationPlan) => {
    const guard = guardFor([key.jwk], {
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async () => undefined,
        onMigration: () => {},
        ...(plan && { plan }),
      },
    });
    const decisions = await Promise.all(
      tokens.map((token) => guard(bearing(token), { scopes: ['a'] })),
    );
    return decisions.map((one) => (one.allowed ? one.headers : one.denial));
  };
  const bare = await answers();
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      expect(await answers(plan)).toEqual(bare);
    }),
    { numRuns: 30, unbiased: true },
  );
});
