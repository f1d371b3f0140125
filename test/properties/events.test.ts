import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DecisionEvent, GuardRequest, Requirements } from '../../src/index.js';
import { requestOf, sending } from '../rfc/ask.js';
import { guardFor, keyFor, mint, seconds } from '../rfc/mint.js';
import { runs } from '../runs.js';

const key = await keyFor('ES256');
const tokens = [
  mint(key, { claims: { scope: 'a b', org_id: 'org_1' } }),
  mint(key, { claims: { scope: 'b', org_id: 'org_2' } }),
  mint(key, { claims: { exp: seconds - 60 } }),
  mint(key, { claims: { aud: 'other', client_id: '\u{1f511}é' } }),
  mint(key, { header: { alg: 'none' } }),
  'opaque',
];

const request: fc.Arbitrary<GuardRequest> = fc.oneof(
  fc.constantFrom(requestOf({}), sending('Basic abc'), sending('Bearer'), sending('Bearer a, b')),
  fc.constantFrom(...tokens.map((token) => sending(`Bearer ${token}`))),
  fc.constantFrom(requestOf({}, { url: '/?access_token=a' }), requestOf({}, { formToken: true })),
);
const requirements: fc.Arbitrary<Requirements> = fc.constantFrom(
  {},
  { optional: true },
  { scopes: ['a'] },
  { orgId: 'org_1' },
  { check: () => false },
);

/** Everything that a listener can do wrong. */
const misdeeds: Record<string, (event: DecisionEvent) => unknown> = {
  nothing: () => undefined,
  throws: () => {
    throw new Error('listener');
  },
  'throws nothing': () => {
    throw undefined;
  },
  rejects: () => Promise.reject(new Error('listener')),
  'never settles': () => new Promise(() => {}),
  'answers a thenable that throws': () =>
    Object.defineProperty({}, 'then', {
      value: () => {
        throw new Error('listener');
      },
    }),
  'answers a getter that throws': () =>
    Object.defineProperty({}, 'then', {
      get() {
        throw new Error('listener');
      },
    }),
  changes: (event) => {
    Object.assign(event, { outcome: 'allow', status: 200, reason: undefined, subject: 'admin' });
    for (const list of [event.scopes, event.missingScopes]) (list as string[])?.push('admin');
    if (event.claimed) Object.assign(event.claimed, { issuer: 'admin' });
  },
  empties: (event) => {
    for (const name of Object.keys(event))
      delete (event as unknown as Record<string, unknown>)[name];
  },
};

const plain = ({ allowed, ...rest }: Awaited<ReturnType<ReturnType<typeof guardFor>>>) =>
  'principal' in rest
    ? { allowed, ...rest, scopes: [...(rest.principal?.scopes ?? [])] }
    : { allowed, code: rest.error.code, denial: rest.denial };

test('every decision is told once, and no listener changes any', async () => {
  const quiet = guardFor([key.jwk]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(request, requirements), { maxLength: 8 }),
      fc.constantFrom(...Object.keys(misdeeds)),
      async (asked, name) => {
        const told: DecisionEvent[] = [];
        const guard = guardFor([key.jwk], {
          onDecision(event) {
            told.push({ ...event });
            return misdeeds[name]?.(event) as undefined;
          },
        });
        for (const [i, [one, required]] of asked.entries()) {
          const decision = await guard(one, required);
          expect(plain(decision)).toEqual(plain(await quiet(one, required)));
          expect(told).toHaveLength(i + 1);
          expect(told[i]).toMatchObject(
            decision.allowed
              ? { outcome: 'allow', status: 200 }
              : { outcome: 'deny', status: decision.denial.status, reason: decision.error.code },
          );
        }
      },
    ),
    { numRuns: runs(200) },
  );
});

test('decisions that are made at once are each told once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 2, maxLength: 20 }), async (asked) => {
      const told: DecisionEvent[] = [];
      const guard = guardFor([key.jwk], { onDecision: (event) => told.push(event) });
      const decisions = await Promise.all(asked.map((one) => guard(one)));
      const reasons = decisions.map((one) => (one.allowed ? undefined : one.error.code));
      expect(told.map(({ reason }) => reason).sort()).toEqual(reasons.sort());
    }),
    { numRuns: 100 },
  );
});
