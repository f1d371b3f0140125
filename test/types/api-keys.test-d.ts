import { inMemoryApiKeys } from '../../src/api-keys.js';
import {
  type ApiKeyOptions,
  type ApiKeyRecord,
  type ApiKeySource,
  type ClientState,
  type Counts,
  checkPlan,
  createGuard,
  type DecisionEvent,
  type ErrorCode,
  type Guard,
  type MigrationEvent,
  type MigrationPlan,
  type Mode,
  type PlanSource,
  type Principal,
} from '../../src/index.js';
import { planFile } from '../../src/plan.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
declare const guard: Guard;
declare const hear: () => Promise<void>;

const one = { issuer: 'https://login.example.com', audience: 'https://api.example.com' };
const lookup: ApiKeyOptions['lookup'] = async () => undefined;
const from: readonly ApiKeySource[] = [{ header: 'x-api-key' }];
const keys = { from, lookup };

// What is meant compiles.
createGuard({ ...one, apiKeys: keys });
createGuard({
  ...one,
  maxTokenLifetime: 3600,
  apiKeys: {
    from: [
      { header: 'x-api-key' },
      { scheme: 'ApiKey' },
      { bearer: 'sk_' },
      { bearer: ['sk_live_', 'sk_test_'] as const },
      { bearer: true },
      { bearer: { jwtAlgorithms: ['HS256'] } },
      { dangerouslyInQuery: 'api_key' },
    ],
    lookup: async ({ value, sha256 }) => ({ id: value + sha256, scopes: ['a'] as const }),
    timeout: 0.5,
    both: 'same-client',
    environment: 'live',
    wellFormed: (value) => value.startsWith('sk_'),
    cache: { max: 10, ttl: 1.5, negativeMax: 10, negativeTtl: 0.5, staleIfError: 60 },
    plan: planFile('plan.json'),
    invalidations: { publish: async () => {}, subscribe: async () => async () => {} },
    onMigration: (event) => void event.kind,
  },
});
createGuard({ issuers: [one], apiKeys: { ...keys, lookup: inMemoryApiKeys([]) } });
createGuard({ ...one, apiKeys: { ...keys, plan: { load: async () => '{}', initial: '{}' } } });

// Mistake: two places are written into one source, and keys are looked for in one of them.
createGuard({
  ...one,
  // @ts-expect-error: a source each
  apiKeys: { lookup, from: [{ header: 'x-api-key', scheme: 'ApiKey' }] },
});
// @ts-expect-error: a source each
createGuard({ ...one, apiKeys: { lookup, from: [{ bearer: 'sk_', header: 'x-api-key' }] } });
// @ts-expect-error: jwtAlgorithms belong to bearer
createGuard({ ...one, apiKeys: { lookup, from: [{ jwtAlgorithms: ['HS256'] }] } });
// @ts-expect-error: access tokens may have it
createGuard({ ...one, apiKeys: { lookup, from: [{ bearer: { jwtAlgorithms: ['RS256'] } }] } });
// @ts-expect-error: leave the source out
createGuard({ ...one, apiKeys: { lookup, from: [{ bearer: false }] } });
// @ts-expect-error: nowhere
createGuard({ ...one, apiKeys: { lookup, from: [{}] } });
// @ts-expect-error: it has to be called dangerous
createGuard({ ...one, apiKeys: { lookup, from: [{ query: 'api_key' }] } });
// @ts-expect-error: a prefix
createGuard({ ...one, apiKeys: { lookup, from: [{ bearer: /^sk_/ }] } });
// @ts-expect-error: a list
createGuard({ ...one, apiKeys: { lookup, from: { header: 'x-api-key' } } });
// @ts-expect-error: no name
createGuard({ ...one, apiKeys: { lookup, from: [{ header: undefined }] } });

// Mistake: nobody can say whose key it is, or says it in other words.
// @ts-expect-error: a look-up
createGuard({ ...one, apiKeys: { from } });
// @ts-expect-error: where from
createGuard({ ...one, apiKeys: { lookup } });
// @ts-expect-error: later
createGuard({ ...one, apiKeys: { from, lookup: () => undefined } });
// @ts-expect-error: true is nobody
createGuard({ ...one, apiKeys: { from, lookup: async () => true } });
// @ts-expect-error: null is not undefined
createGuard({ ...one, apiKeys: { from, lookup: async () => null } });
// @ts-expect-error: an id
createGuard({ ...one, apiKeys: { from, lookup: async () => ({ clientId: 'client_1' }) } });
// @ts-expect-error: a list
createGuard({ ...one, apiKeys: { from, lookup: async () => ({ id: '1', scopes: 'a b' }) } });
// @ts-expect-error: seconds
createGuard({ ...one, apiKeys: { from, lookup: async () => ({ id: '1', expiresAt: '1' }) } });

// Mistake: a setting is misspelt, or of another kind, and is ignored.
// @ts-expect-error: not an option
createGuard({ ...one, apiKeys: { ...keys, cached: true } });
// @ts-expect-error: not an option, inside
createGuard({ ...one, apiKeys: { ...keys, cache: { unknownTtl: 5 } } });
// @ts-expect-error: an object; a time of 0 is for none
createGuard({ ...one, apiKeys: { ...keys, cache: false } });
// @ts-expect-error: not any two
createGuard({ ...one, apiKeys: { ...keys, both: 'accept' } });
// @ts-expect-error: a function
createGuard({ ...one, apiKeys: { ...keys, wellFormed: /^sk_/ } });
// @ts-expect-error: a name that is present has a value
createGuard({ ...one, apiKeys: { ...keys, environment: undefined } });
// @ts-expect-error: seconds are a number
createGuard({ ...one, maxTokenLifetime: '1h' });
// @ts-expect-error: what is heard has to be told, too
createGuard({ ...one, apiKeys: { ...keys, invalidations: { subscribe: async () => hear } } });

// A plan is typed as it is written.
checkPlan({
  $schema: './node_modules/sallyport/plan.schema.json',
  mode: 'dual',
  deprecatedAt: '2029-10-01T00:00:00Z',
  sunsetAt: '2030-04-01T00:00:00Z',
  guide: 'https://docs.example.com/migrate',
  refusedStatus: 410,
  cohort: 'late',
  clients: {
    client_1: 'token-only',
    client_2: {
      mode: 'extension',
      until: '2030-05-01T00:00:00Z',
      tokenChecks: { audience: 'report' },
    },
    client_3: { cohort: 'early' },
  },
  cohorts: { early: { mode: 'deprecated', percent: 12.5, salt: 'a' }, late: {} },
  brownouts: [
    {
      start: '2030-01-01T00:00:00Z',
      end: '2030-03-01T00:00:00Z',
      daily: { at: ['10:00', '15:00'], minutes: [5, 10, 15], days: ['mon', 'tue'] },
      cohorts: ['early'],
      exempt: ['client_2'],
      dryRun: true,
    },
  ],
  pauseBrownouts: false,
  checks: { scopes: 'report' },
  tokenChecks: { lifetime: 'enforce' },
});
must<Equal<ReturnType<typeof checkPlan>, MigrationPlan>>();
must<Equal<Awaited<ReturnType<PlanSource['load']>>, MigrationPlan | string>>();
must<Equal<ReturnType<typeof planFile>, PlanSource>>();

// Mistake: a plan says something else than is meant, and nobody notices until the day.
// @ts-expect-error: dual
checkPlan({ mode: 'duel' });
// @ts-expect-error: sunsetAt
checkPlan({ sunset: '2030-04-01T00:00:00Z' });
// @ts-expect-error: a text
checkPlan({ sunsetAt: new Date() });
// @ts-expect-error: never 403
checkPlan({ refusedStatus: 403 });
// @ts-expect-error: by name
checkPlan({ clients: ['client_1'] });
// @ts-expect-error: as a mode, or under mode
checkPlan({ clients: { client_1: { state: 'dual' } } });
// @ts-expect-error: until
checkPlan({ clients: { client_1: { mode: 'extension', till: '2030-04-01T00:00:00Z' } } });
// @ts-expect-error: an end
checkPlan({ brownouts: [{ start: '2030-04-01T00:00:00Z' }] });
const daily = { at: ['10:00'], minutes: 5 };
// @ts-expect-error: three letters
checkPlan({ brownouts: [{ start: '', end: '', daily: { ...daily, days: ['monday'] } }] });
// @ts-expect-error: expiry is always enforced
checkPlan({ checks: { expiry: 'report' } });
// @ts-expect-error: there is no off
checkPlan({ tokenChecks: { audience: 'off' } });
// @ts-expect-error: later, at its source
createGuard({ ...one, apiKeys: { ...keys, plan: { load: () => ({}) } } });
// @ts-expect-error: not where it is
createGuard({ ...one, apiKeys: { ...keys, plan: './plan.json' } });

// Mistake: a route asks for a mode that is a client's alone, or for none that there is.
guard({} as never, { mode: 'token-only' });
// @ts-expect-error: an extension is a client's
guard({} as never, { mode: 'extension' });
// @ts-expect-error: token-only
guard({} as never, { mode: 'tokens' });
// @ts-expect-error: no value
guard({} as never, { mode: undefined });

// Mistake: what is known of a key is changed, or taken for more than it is.
declare const principal: Principal;
must<Equal<typeof principal.kind, 'token' | 'api-key'>>();
must<Equal<typeof principal.key, ApiKeyRecord | undefined>>();
// @ts-expect-error: a token has none
principal.key.id;
// @ts-expect-error: read only
principal.key = { id: 'key_2' };
// @ts-expect-error: the key itself is never kept
principal.key?.value;
declare const record: ApiKeyRecord;
// @ts-expect-error: read only
record.disabled = false;
// @ts-expect-error: read only
record.scopes?.push('admin');

// What is told, and counted.
must<Equal<DecisionEvent['mode'], Mode | undefined>>();
must<Equal<ReturnType<Guard['counts']>, Counts>>();
must<Equal<keyof Counts['refused'], ErrorCode>>();
must<Equal<ReturnType<Guard['invalidateApiKey']>, Promise<void>>>();
// @ts-expect-error: by its id, not by its record
guard.invalidateApiKey(record);
// @ts-expect-error: read only
guard.counts().refused.ERR_API_KEY_RETIRED = 0;
const told = (event: MigrationEvent): ClientState | readonly string[] | string => {
  // @ts-expect-error: of a change of mode alone
  event.clientId;
  if (event.kind === 'mode') return event.to;
  return event.kind === 'plan' ? event.changed : event.detail;
};
must<Equal<Parameters<typeof told>, [event: MigrationEvent]>>();
