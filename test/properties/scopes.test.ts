import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAuthorizer } from '../../src/core/authorize.js';
import { parsePlan } from '../../src/core/plan/parse.js';
import { createEnforcements } from '../../src/core/plan/report-only.js';
import { checkRequirements, type Requirements } from '../../src/index.js';
import { bearing, judge, requestOf } from '../rfc/ask.js';
import { bearerParameters } from '../rfc/challenge-grammar.js';
import { guardFor, keyFor, mint } from '../rfc/mint.js';
import { runs } from '../runs.js';

const key = await keyFor('ES256');
const plan = parsePlan('plan', {});
const rulingFor = createEnforcements(() => plan);
const names = ['a', 'b', 'c', 'd', 'e', 'f', '__proto__', 'constructor'];
const scope = fc.constantFrom(...names);
const scopes = fc.uniqueArray(scope);
const implied = fc
  .array(fc.tuple(scope, fc.uniqueArray(scope, { minLength: 1, maxLength: 3 })), { maxLength: 6 })
  .map((pairs) => new Map(pairs));
const some = fc.uniqueArray(scope, { minLength: 1, maxLength: 3 });
const required = fc.record({ scopes: some, anyScope: some }, { requiredKeys: [] });

/** All that a scope is good for: walked through once more, one step after the other. */
function reach(from: string, implied: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set([from]);
  for (let size = 0; size !== reached.size; ) {
    size = reached.size;
    for (const [broad, narrow] of implied) {
      if (reached.has(broad)) for (const one of narrow) reached.add(one);
    }
  }
  return reached;
}

type Required = { scopes?: string[]; anyScope?: string[] };
function missing(held: string[], implied: Map<string, string[]>, required: Required): string[] {
  const granted = new Set(held.flatMap((one) => [...reach(one, implied)]));
  const lacking = (required.scopes ?? []).filter((one) => !granted.has(one));
  const any = required.anyScope ?? [];
  const none = any.length > 0 && !any.some((one) => granted.has(one));
  return none ? [...lacking, ...any] : lacking;
}

test('scopes suffice exactly if they are reached from those that are held', async () => {
  await fc.assert(
    fc.asyncProperty(scopes, implied, required, async (held, map, asked) => {
      const principal = { kind: 'token', scopes: new Set(held) } as const;
      const requirements = checkRequirements(asked as Requirements);
      const lacking = missing(held, map, asked as Required);
      const authorize = async () =>
        createAuthorizer(map)(principal, requirements, {
          request: requestOf({}),
          enforcement: rulingFor({}, []),
        });
      if (lacking.length === 0) return await authorize();
      const error = { code: 'ERR_SCOPE_MISSING', status: 403, missingScopes: lacking };
      await expect(authorize()).rejects.toMatchObject(error);
    }),
    { numRuns: runs(1000) },
  );
});

test('the guard says so too, and names what to ask for', async () => {
  await fc.assert(
    fc.asyncProperty(scopes, implied, required, async (held, map, asked) => {
      const { scopes = [], anyScope = [] } = asked as Required;
      const guard = guardFor([key.jwk], { impliedScopes: Object.fromEntries(map) });
      const token = mint(key, { claims: { scope: held.join(' ') } });
      const decision = await guard(bearing(token), asked as Requirements);
      expect(decision.allowed).toBe(missing(held, map, asked as Required).length === 0);
      if (decision.allowed) {
        expect([...(decision.principal?.scopes ?? [])]).toEqual(held);
        return;
      }
      const { scope } = bearerParameters(decision.denial.headers['WWW-Authenticate']);
      expect(scope).toBe([...new Set([...scopes, ...anyScope.slice(0, 1)])].join(' '));
    }),
    { numRuns: 100 },
  );
});

test('what is implied is never taken back: more scopes never suffice for less', async () => {
  await fc.assert(
    fc.asyncProperty(scopes, scopes, implied, required, async (held, more, map, asked) => {
      const before = missing(held, map, asked as Required);
      const authorize = createAuthorizer(map);
      const principal = { kind: 'token', scopes: new Set([...held, ...more]) } as const;
      fc.pre(before.length === 0);
      await authorize(principal, checkRequirements(asked as Requirements), {
        request: requestOf({}),
        enforcement: rulingFor({}, []),
      });
    }),
    { numRuns: runs(500) },
  );
});

test('an organization suffices exactly if it is the same text', async () => {
  const text = fc.oneof(
    fc.constantFrom('org_1', 'org_2', 'ORG_1', ''),
    fc.string({ maxLength: 3 }),
  );
  const claim = fc.oneof(text, fc.constantFrom(undefined, null, 1, ['org_1'], { org_1: 1 }));
  const wanted = fc.oneof(text, fc.constantFrom(undefined, null, 1, ['org_1']));
  const guard = guardFor([key.jwk]);
  await fc.assert(
    fc.asyncProperty(claim, wanted, async (org_id, asked) => {
      const token = mint(key, { claims: { org_id } });
      const nobody = typeof org_id !== 'string' || org_id === '';
      let code = asked === org_id ? 'allowed' : 'ERR_ORG_MISMATCH';
      if (nobody) code = 'ERR_ORG_MISSING';
      if (typeof asked !== 'string' || asked === '') code = 'ERR_ORG_UNRESOLVED';
      if (org_id !== null && !['string', 'undefined'].includes(typeof org_id)) {
        code = 'ERR_TOKEN_CLAIMS';
      }
      expect(await judge(guard, token, { orgId: () => asked as string })).toBe(code);
    }),
    { numRuns: runs(300) },
  );
});
