import type * as keysDoor from '../../src/api-keys.js';
import type * as auditDoor from '../../src/audit.js';
import type * as expressDoor from '../../src/express.js';
import type * as fastifyDoor from '../../src/fastify.js';
import type * as fetchDoor from '../../src/fetch.js';
import type * as honoDoor from '../../src/hono.js';
import type * as core from '../../src/index.js';
import type * as nodeDoor from '../../src/node.js';
import type * as otelDoor from '../../src/otel.js';
import type * as planDoor from '../../src/plan.js';
import type * as postgresDoor from '../../src/postgres.js';
import type * as redisDoor from '../../src/redis.js';
import type * as reportDoor from '../../src/report.js';
import type * as testing from '../../src/testing.js';
import type * as usageDoor from '../../src/usage.js';

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
/** Is a text, and not just any. */
type IsOne<T> = IsAny<T> extends true ? false : string extends T ? false : true;
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
must<Equal<IsOne<Any> | IsOne<string>, false>>();
must<Equal<LeaksIn<Bad>, 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g'>>();
must<Equal<LeaksIn<{ ok: true; x: Any } | { ok: false; y: Any }>, 'x' | 'y'>>();

// Every exported function, with all it takes and answers.
must<Equal<LeaksIn<typeof core>, never>>();
must<Equal<LeaksIn<typeof expressDoor>, never>>();
must<Equal<LeaksIn<typeof fastifyDoor>, never>>();
must<Equal<LeaksIn<typeof fetchDoor>, never>>();
must<Equal<LeaksIn<typeof testing>, never>>();
must<Equal<LeaksIn<typeof keysDoor>, never>>();
must<Equal<LeaksIn<typeof planDoor>, never>>();
must<Equal<LeaksIn<typeof postgresDoor>, never>>();
must<Equal<LeaksIn<typeof redisDoor>, never>>();
must<Equal<LeaksIn<typeof auditDoor>, never>>();
must<Equal<LeaksIn<typeof otelDoor>, never>>();
must<Equal<LeaksIn<typeof reportDoor>, never>>();
must<Equal<LeaksIn<typeof usageDoor>, never>>();

// What they are asked with.
must<Equal<LeaksIn<core.GuardOptions>, never>>();
must<Equal<LeaksIn<core.IssuerOptions>, never>>();
must<Equal<LeaksIn<core.SharedOptions>, never>>();
must<Equal<LeaksIn<core.JwksOptions>, never>>();
must<Equal<LeaksIn<core.JwksStore>, never>>();
must<Equal<LeaksIn<core.StoredJwks>, never>>();
must<Equal<LeaksIn<core.JsonWebKeySet>, never>>();
must<Equal<LeaksIn<core.TokenCacheOptions>, never>>();
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

must<Equal<LeaksIn<core.ApiKeyOptions>, never>>();
must<Equal<LeaksIn<core.ApiKeyCacheOptions>, never>>();
must<Equal<LeaksIn<core.ApiKeyInvalidations>, never>>();
must<Equal<LeaksIn<core.ApiKeySource>, never>>();
must<Equal<LeaksIn<Parameters<core.ApiKeyLookup>[0]>, never>>();
must<Equal<Awaited<ReturnType<core.ApiKeyLookup>>, core.ApiKeyRecord | undefined>>();
must<Equal<Parameters<NonNullable<core.ApiKeyOptions['onMigration']>>, [core.MigrationEvent]>>();

// The plan, to its last member.
must<Equal<LeaksIn<core.MigrationPlan>, never>>();
must<Equal<LeaksIn<core.PlanClient>, never>>();
must<Equal<LeaksIn<core.PlanCohort>, never>>();
must<Equal<LeaksIn<core.Brownout>, never>>();
must<Equal<LeaksIn<core.Daily>, never>>();
must<Equal<LeaksIn<core.Checks>, never>>();
must<Equal<LeaksIn<core.PlanSource>, never>>();
must<
  IsOne<core.Mode | core.SharedMode | core.ClientState | core.Check | core.Rule | core.Weekday>
>();

// What stores are asked with.
must<Equal<LeaksIn<keysDoor.CreateApiKeyOptions>, never>>();
must<Equal<LeaksIn<keysDoor.CreatedApiKey>, never>>();
must<Equal<LeaksIn<keysDoor.InMemoryApiKey>, never>>();
must<Equal<LeaksIn<keysDoor.HashOptions>, never>>();
must<Equal<LeaksIn<keysDoor.KeyHash>, never>>();
must<Equal<LeaksIn<keysDoor.LegacyHashOptions>, never>>();
must<Equal<LeaksIn<postgresDoor.PostgresColumns>, never>>();
must<Equal<LeaksIn<postgresDoor.PostgresApiKeysOptions>, never>>();
must<Equal<LeaksIn<postgresDoor.PostgresPool>, never>>();
must<Equal<LeaksIn<redisDoor.RedisClient>, never>>();
must<Equal<LeaksIn<redisDoor.RedisSubscriber>, never>>();
must<Equal<LeaksIn<redisDoor.RedisApiKeysOptions>, never>>();
must<Equal<LeaksIn<redisDoor.RedisPlanOptions>, never>>();
must<Equal<LeaksIn<redisDoor.RedisInvalidationsOptions>, never>>();

// Counts, and reports of them.
must<Equal<LeaksIn<core.UsageOptions>, never>>();
must<Equal<LeaksIn<core.UsageStore>, never>>();
must<Equal<LeaksIn<core.Usage>, never>>();
must<Equal<LeaksIn<core.UsageRow>, never>>();
must<Equal<LeaksIn<core.UsageBatch>, never>>();
must<Equal<LeaksIn<usageDoor.FileUsageStoreOptions>, never>>();
must<Equal<LeaksIn<postgresDoor.PostgresUsageStoreOptions>, never>>();
must<Equal<LeaksIn<redisDoor.RedisUsageStoreOptions>, never>>();
must<Equal<LeaksIn<reportDoor.ReportInput>, never>>();
must<Equal<LeaksIn<reportDoor.ReportPageOptions>, never>>();
must<Equal<LeaksIn<reportDoor.MigrationReport>, never>>();
must<Equal<LeaksIn<reportDoor.ClientReport>, never>>();

// What they answer.
must<Equal<LeaksIn<core.ApiKeyRecord>, never>>();
must<Equal<LeaksIn<core.MigrationEvent>, never>>();
must<Equal<LeaksIn<core.JwksEvent>, never>>();
must<Equal<LeaksIn<core.Counts>, never>>();
must<Equal<LeaksIn<core.Retirement>, never>>();
must<Equal<LeaksIn<core.Principal>, never>>();
must<Equal<LeaksIn<core.Guard>, never>>();
must<Equal<LeaksIn<core.Decision>, never>>();
must<Equal<LeaksIn<core.DecisionEvent>, never>>();
must<Equal<LeaksIn<NonNullable<core.DecisionEvent['claimed']>>, never>>();
must<Equal<LeaksIn<core.Denial>, never>>();
must<Equal<LeaksIn<core.DeniedError>, never>>();
must<Equal<Leaks<core.FormatDenial>, false>>();
must<Equal<ReturnType<typeof core.principalOf>, core.Principal>>();
must<Equal<LeaksIn<core.ProblemDetails>, never>>();
must<Equal<LeaksIn<core.AuthError>, never>>();
must<Equal<LeaksIn<core.UpstreamError>, never>>();
must<Equal<LeaksIn<core.ConfigError>, never>>();
must<Equal<LeaksIn<fetchDoor.Pass>, never>>();

// Middleware and hooks.
must<Equal<Leaks<ReturnType<expressDoor.RequireToken>>, false>>();
must<Equal<Leaks<ReturnType<fastifyDoor.RequireToken>>, false>>();
must<Equal<Leaks<typeof fastifyDoor.hookFor>, false>>();
must<Equal<LeaksIn<honoDoor.PrincipalEnv['Variables']>, never>>();
must<Equal<Leaks<honoDoor.RequireToken>, false>>();
must<Equal<Leaks<typeof nodeDoor.toGuardRequest>, false>>();
must<Equal<Leaks<typeof nodeDoor.sendDenial>, false>>();

// What a test is given.
must<Equal<LeaksIn<testing.TestIssuer>, never>>();
must<Equal<LeaksIn<testing.TestIssuer['options']>, never>>();
must<Equal<LeaksIn<testing.TestIssuer['requests']>, never>>();
must<Equal<LeaksIn<testing.TestIssuer['jwks']['keys'][number]>, never>>();
must<Equal<LeaksIn<testing.TestIssuerOptions>, never>>();
must<Equal<LeaksIn<testing.TokenParts>, never>>();
must<Equal<LeaksIn<testing.GuardCase>, never>>();
must<Equal<LeaksIn<testing.Answer>, never>>();
