import type * as expressDoor from '../../src/express.js';
import type * as fastifyDoor from '../../src/fastify.js';
import type * as fetchDoor from '../../src/fetch.js';
import type * as core from '../../src/index.js';
import type * as testing from '../../src/testing.js';

// Never run. Mistake: an `any` in a public type switches every other check off, without a word.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Is `any`, or takes or answers it. */
type Leaks<T> =
  IsAny<T> extends true
    ? true
    : NonNullable<T> extends (...args: infer A) => infer R
      ? true extends IsAny<A[number]> | IsAny<Awaited<R>>
        ? true
        : false
      : NonNullable<T> extends readonly (infer One)[] | ReadonlySet<infer One>
        ? IsAny<One>
        : string extends keyof NonNullable<T>
          ? IsAny<NonNullable<T>[keyof NonNullable<T>]>
          : false;
/** The names of all members that leak; of every member of a union. */
type LeaksIn<T> = T extends unknown
  ? { [K in keyof T]-?: Leaks<T[K]> extends false ? never : K }[keyof T]
  : never;

// The check itself finds what it is for.
type Any = ReturnType<typeof JSON.parse>;
type Bad = {
  a: Any;
  b: () => Any;
  c(x: Any): void;
  d: () => Promise<Any>;
  e: Any[];
  f: ReadonlySet<Any>;
  g?: Readonly<Record<string, Any>>;
  fine: unknown;
};
must<IsAny<Any>>();
must<Equal<LeaksIn<Bad>, 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g'>>();
must<Equal<LeaksIn<{ ok: true; x: Any } | { ok: false; y: Any }>, 'x' | 'y'>>();

// Every exported function, with all it takes and answers.
must<Equal<LeaksIn<typeof core>, never>>();
must<Equal<LeaksIn<typeof expressDoor>, never>>();
must<Equal<LeaksIn<typeof fastifyDoor>, never>>();
must<Equal<LeaksIn<typeof fetchDoor>, never>>();
must<Equal<LeaksIn<typeof testing>, never>>();

// What they are asked with.
must<Equal<LeaksIn<core.GuardOptions>, never>>();
must<Equal<LeaksIn<core.IssuerOptions>, never>>();
must<Equal<LeaksIn<core.SharedOptions>, never>>();
must<Equal<LeaksIn<core.KeyOptions>, never>>();
must<Equal<LeaksIn<core.ClaimMap>, never>>();
must<Equal<LeaksIn<core.GuardRequest>, never>>();
must<Equal<LeaksIn<core.Requirements>, never>>();
must<
  Equal<
    Parameters<NonNullable<core.Requirements['check']>>,
    [principal: core.Principal, request: core.GuardRequest]
  >
>();
must<Equal<Parameters<NonNullable<core.SharedOptions['onDecision']>>, [core.DecisionEvent]>>();

// What they answer.
must<Equal<LeaksIn<core.Principal>, never>>();
must<Equal<LeaksIn<core.Guard>, never>>();
must<Equal<LeaksIn<core.Decision>, never>>();
must<Equal<LeaksIn<core.DecisionEvent>, never>>();
must<Equal<LeaksIn<NonNullable<core.DecisionEvent['claimed']>>, never>>();
must<Equal<LeaksIn<core.Denial>, never>>();
must<Equal<LeaksIn<core.ProblemDetails>, never>>();
must<Equal<LeaksIn<core.AuthError>, never>>();
must<Equal<LeaksIn<core.UpstreamError>, never>>();
must<Equal<LeaksIn<core.ConfigError>, never>>();
must<Equal<LeaksIn<fetchDoor.Pass>, never>>();

// Middleware and hooks.
must<Equal<Leaks<ReturnType<expressDoor.RequireToken>>, false>>();
must<Equal<Leaks<ReturnType<fastifyDoor.RequireToken>>, false>>();

// What a test is given.
must<Equal<LeaksIn<testing.TestIssuer>, never>>();
must<Equal<LeaksIn<testing.TestIssuer['options']>, never>>();
must<Equal<LeaksIn<testing.TestIssuer['requests']>, never>>();
must<Equal<LeaksIn<testing.TestIssuer['jwks']['keys'][number]>, never>>();
must<Equal<LeaksIn<testing.TestIssuerOptions>, never>>();
must<Equal<LeaksIn<testing.TokenParts>, never>>();
must<Equal<LeaksIn<testing.GuardCase>, never>>();
must<Equal<LeaksIn<testing.Answer>, never>>();
