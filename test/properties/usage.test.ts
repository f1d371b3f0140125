import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ApiKeyRecord,
  createGuard,
  type Decision,
  type GuardRequest,
  type MigrationPlan,
  memoryUsageStore,
  nameOf,
  type UsageKind,
  type UsageRow,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { requestOf, verdict } from '../rfc/ask.js';
import { inFull, runs } from '../runs.js';
import { createClock } from '../token/jwks-server.js';

const clock = createClock();
const start = clock.time;
const issuer = await createTestIssuer({ now: clock.now });
const iss = issuer.options.issuer;
const hours = (many: number) => new Date(start + many * 3_600_000).toISOString();

const records: Readonly<Record<string, ApiKeyRecord>> = {
  acme: { id: 'key_acme', clientId: 'acme', scopes: ['a'] },
  acme2: { id: 'key_acme_2', clientId: 'acme' },
  closed: { id: 'key_closed', clientId: 'acme', disabled: true },
  expiring: { id: 'key_expiring', clientId: 'hooli', expiresAt: start / 1000 + 90_000 },
  moved: { id: 'key_moved', clientId: 'globex' },
  orphan: { id: 'key_orphan' },
  ours: { id: 'key_ours', clientId: 'ours' },
};
const keys = [...Object.keys(records), 'unknown', 'outage'];

const plan: MigrationPlan = {
  sunsetAt: hours(120),
  clients: {
    acme: 'dual',
    globex: 'token-only',
    ours: 'dual',
    hooli: { tokenChecks: { audience: 'report', scopes: 'report' } },
    initech: { mode: 'extension', until: hours(999) },
  },
  brownouts: [
    { start: hours(24), end: hours(30) },
    { start: hours(20), end: hours(27), exempt: ['acme'] },
    { start: hours(40), end: hours(60), dryRun: true },
  ],
};

const bends = { good: {}, audience: { audience: 'https://other' }, expired: { expiresIn: -60 } };
const anyToken = fc.record({
  client: fc.constantFrom('acme', 'hooli', 'globex', 'initech', 'stranger', 'ours', undefined),
  bend: fc.constantFrom<keyof typeof bends>('good', 'good', 'audience', 'expired'),
  scoped: fc.boolean(),
});
const anyGuard = fc.nat(2);
const anyStep = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      does: fc.constant('ask' as const),
      on: anyGuard,
      key: fc.option(fc.constantFrom(...keys), { nil: undefined, freq: 3 }),
      token: fc.option(anyToken, { nil: undefined, freq: 2 }),
      places: fc.constantFrom('header', 'header', 'header', 'query', 'header and query'),
      /** The same request once more, and not a new one. */
      again: fc.option(fc.nat(9), { nil: undefined, freq: 4 }),
      scopes: fc.boolean(),
      agent: fc.constantFrom('curl/8', 'app\u00e9/1', undefined),
      route: fc.constantFrom('/orders/:id', '/', undefined),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('wait' as const),
      minutes: fc.constantFrom(1, 7, 180, 600, 1_440, 4_000, -1, -1_500),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('flush' as const),
      on: anyGuard,
      fault: fc.constantFrom('none', 'refused', 'lost', 'slow'),
    }),
  },
);
type Step<D> = Extract<typeof anyStep extends fc.Arbitrary<infer S> ? S : never, { does: D }>;

/** A request, and what a test knows of it that sent it. */
interface Sent extends Pick<Step<'ask'>, 'agent' | 'route' | 'places'> {
  readonly request: GuardRequest;
  readonly key: ApiKeyRecord | undefined;
  readonly isOutage: boolean;
  readonly token: { readonly client: string | undefined } | undefined;
  /** Seconds since 1970. */
  readonly exp: number;
}

async function send({ key, token, places, agent, route }: Step<'ask'>): Promise<Sent> {
  const { client, bend: bent, scoped } = token ?? { bend: 'good' as const };
  // Nobody knows a stranger: no store has seen it come with a valid credential.
  const bend = client === 'stranger' && bent === 'good' ? 'expired' : bent;
  const text = token
    ? await issuer.token({
        ...bends[bend],
        ...(client === undefined ? { claims: { client_id: undefined } } : { clientId: client }),
        ...(scoped && { scopes: ['a'] }),
      })
    : '';
  const headers = {
    ...(token && { authorization: `Bearer ${text}` }),
    ...(key !== undefined && places.includes('header') && { 'x-api-key': key }),
    ...(agent !== undefined && { 'user-agent': agent }),
  };
  const url = key !== undefined && places.includes('query') ? `/?api_key=${key}` : '/';
  const request = requestOf(headers, { url, ...(route !== undefined && { route }) });
  const record = key === undefined ? undefined : records[key];
  const payload = Buffer.from(text.split('.')[1] ?? '', 'base64url').toString() || '{"exp":0}';
  const { exp } = JSON.parse(payload) as { readonly exp: number };
  return { request, key: record, isOutage: key === 'outage', token, agent, route, places, exp };
}

/** Several guards of one store that fails where it is told to. */
function open() {
  clock.time = start - 3_600_000;
  const kept = memoryUsageStore();
  const notes: (readonly string[])[] = [];
  const guards = [0, 1, 2].map((number) => {
    let fault: Step<'flush'>['fault'] = 'none';
    let gate = Promise.resolve();
    let release = () => {};
    let flushing: Promise<unknown> | undefined;
    const store: UsageStore = {
      async add(batch) {
        const now = fault;
        fault = 'none';
        if (now === 'slow') await gate;
        if (now === 'refused') throw new Error('refused');
        await kept.add(batch);
        if (now === 'lost') throw new Error('the answer was lost');
      },
      read: kept.read,
    };
    const guard = createGuard({
      ...issuer.options,
      onDecision: ({ wouldDeny = [] }) => void notes.push(wouldDeny),
      apiKeys: {
        from: [{ header: 'x-api-key' }, { dangerouslyInQuery: 'api_key' }],
        lookup: async ({ value }) => {
          if (value === 'outage') throw new Error('the store of keys is down');
          return records[value];
        },
        both: 'same-client',
        plan,
        usage: { store, ...(number > 0 && { exclude: ['ours'] }) },
        onMigration: () => {},
      },
    });
    return {
      guard,
      async flush(next: Step<'flush'>['fault']) {
        release();
        await flushing;
        fault = next;
        gate = new Promise((done) => {
          release = done;
        });
        const told = guard.usage();
        if (next === 'slow') flushing = told;
        else if (next === 'none') await told;
        else await expect(told).rejects.toThrow(next);
      },
    };
  });
  return { kept, guards, notes };
}

const ofKey = /^ERR_(API_KEY_(MIGRATED|RETIRED|BROWNOUT|DISABLED|EXPIRED)|CREDENTIAL_MISMATCH)$/;
const ofToken = /^ERR_(TOKEN_\w+|API_KEY_UNKNOWN)$/;

/** What docs/usage.md promises, counted by hand: for one guard, into the rows of all. */
function counting(
  rows: Map<string, UsageRow>,
  waiting: Map<string, number>,
  { excluded, takenBack }: { excluded: readonly string[]; takenBack: Map<string, number> },
) {
  /** What was counted of a refused request. */
  const counted = new Map<GuardRequest, string[]>();
  const admitted = new Set<GuardRequest>();
  /** Which credentials of a request are counted as refused, or as a key beside one. */
  const refused = new Map<GuardRequest, Set<'token' | 'key'>>();
  const doubted = new Set<GuardRequest>();
  const noted = new Set<string>();
  const requests: GuardRequest[] = [];
  const known = new Set(Object.keys(plan.clients ?? {}));

  function add(client: string, key: string, [what, detail]: readonly [UsageKind, string]): void {
    const minute = Math.floor(clock.time / 60_000);
    const isUndated = ['brownout', 'route', 'agent', 'query'].includes(what);
    const day = isUndated ? '' : new Date(clock.time).toISOString().slice(0, 10);
    const issued = what === 'other' ? '' : iss;
    const named = { client, issuer: issued, key, what, detail, day, first: minute, last: minute };
    const { count, first, last } = rows.get(nameOf(named)) ?? { ...named, count: 0 };
    const times = { first: Math.min(first, minute), last: Math.max(last, minute) };
    rows.set(nameOf(named), { ...named, ...times, count: count + 1 });
    added.push(nameOf(named));
  }
  let added: string[] = [];

  let doubts = 0;
  const count = (sent: Sent, decision: Decision, notes: readonly string[]) => {
    const { request, token, key, places, agent = '', route = '' } = sent;
    const code = verdict(decision);
    const isNew = !admitted.has(request);
    const isUse = decision.allowed && decision.principal !== undefined && isNew;
    const marks = refused.get(request) ?? new Set();
    /** Each credential is refused once, whatever else of the request was. */
    const refuse = (credential: 'token' | 'key') => {
      if (decision.allowed || marks.has(credential)) return false;
      refused.set(request, marks.add(credential));
      return true;
    };
    added = decision.allowed ? [] : (counted.get(request) ?? []);
    if (!decision.allowed) counted.set(request, added);
    if (isUse) {
      // Let in after all: what was counted of its refusal is taken back, if it is not flushed by then.
      for (const name of counted.get(request) ?? []) {
        takenBack.set(name, (takenBack.get(name) ?? 0) + 1);
      }
      refused.delete(request);
    }
    if (isUse) admitted.add(request);
    if (!requests.includes(request)) requests.push(request);
    const fresh = notes.filter((note) => !noted.has(`${requests.indexOf(request)} ${note}`));
    for (const note of fresh) noted.add(`${requests.indexOf(request)} ${note}`);

    const owner = key && { client: key.clientId ?? key.id, key: key.id };
    const bearer = token && { client: token.client ?? '', key: '' };
    const isSure = decision.allowed || code === 'ERR_SCOPE_MISSING';
    const who = isSure ? (bearer ?? owner) : ofKey.test(code) ? owner : undefined;
    const place = (what: UsageKind, detail = '') =>
      owner && add(owner.client, owner.key, [what, detail]);
    const leaveTraces = () => {
      place('route', route);
      place('agent', agent.replace('\u00e9', ''));
      if (places.includes('query')) place('query');
      if (token) place('both');
    };
    if (!who) {
      if (!decision.allowed && sent.isOutage && !doubted.has(request)) {
        doubted.add(request);
        doubts += 1;
        add('', '', ['other', 'lookup']);
      } else if (isNew && owner && !excluded.includes(owner.client) && refuse('key')) {
        place('refused', code);
        leaveTraces();
      }
      const claims = token?.client;
      if (claims === undefined || excluded.includes(claims)) return;
      const isProven = sent.exp / 60 > Math.floor(clock.time / 60_000) - 1_440;
      if (!ofToken.test(code) || !refuse('token')) return;
      const what = isProven ? 'refused' : 'claimed';
      // It waits until its client is known, here or to the store, and may wait in vain.
      if (known.has(claims)) add(claims, '', [what, code]);
      else waiting.set(claims, (waiting.get(claims) ?? 0) + 1);
      return;
    }
    if (excluded.includes(who.client)) return;
    known.add(who.client);
    if (isUse) add(who.client, who.key, [who.key === '' ? 'token' : 'key', '']);
    const isRefused = refuse(who.key === '' ? 'token' : 'key');
    if (isRefused) add(who.client, who.key, ['refused', code]);
    for (const note of fresh) add(who.client, who.key, ['would-deny', note]);
    const isKeyRefused = who === owner ? isRefused : owner !== undefined && refuse('key');
    if (!owner || !(isUse || isKeyRefused)) return;
    if (code === 'ERR_API_KEY_BROWNOUT') place('brownout', brownoutAt(owner.client));
    if (isNew) leaveTraces();
  };
  return { count, doubts: () => doubts };
}

/** The first of the plan that is on. */
const brownoutAt = (client: string): string =>
  String(
    plan.brownouts?.find(
      ({ start: from, end, exempt }) =>
        clock.time >= Date.parse(from) &&
        clock.time < Date.parse(end) &&
        !(exempt as string[] | undefined)?.includes(client),
    )?.start,
  );

const sorted = (rows: Iterable<UsageRow>) =>
  [...rows].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

test('any requests, days and failures: what all guards have told is as counted by hand', async () => {
  const met = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 20, maxLength: 80 }), async (steps) => {
      const { kept, guards, notes } = open();
      await Promise.all(guards.map(({ guard }) => guard.ready()));
      // A clock that is set within the first hour was wrong until then: that is another property.
      clock.advance(3_600);
      for (const { flush } of guards) await flush('none');
      const rows = new Map<string, UsageRow>();
      const waiting = new Map<string, number>();
      const takenBack = new Map<string, number>();
      const counts = guards.map((_, number) =>
        counting(rows, waiting, { excluded: number > 0 ? ['ours'] : [], takenBack }),
      );
      const sent: Sent[] = [];
      for (const step of steps) {
        if (step.does === 'wait') clock.advance(step.minutes * 60);
        else if (step.does === 'flush') await guards[step.on]?.flush(step.fault);
        else {
          const before = step.again === undefined ? undefined : sent.at(-1 - step.again);
          const one = before ?? (await send(step));
          if (!before) sent.push(one);
          const requirements = step.scopes ? { scopes: ['a'] } : {};
          const { guard } = guards[step.on] as (typeof guards)[number];
          const decision = await guard(one.request, requirements);
          counts[step.on]?.count(one, decision, notes.pop() ?? []);
        }
      }
      for (const { guard, flush } of guards) {
        await flush('none');
        await guard.close();
      }
      const told = await kept.read();
      const isOfWaiting = ({ client, key, what, detail }: UsageRow) =>
        waiting.has(client) &&
        key === '' &&
        (what === 'refused' || what === 'claimed') &&
        ofToken.test(detail);
      const certain = (all: Iterable<UsageRow>) =>
        sorted(all).filter((row) => !isOfWaiting(row) && !takenBack.has(nameOf(row)));
      const held = new Map(told.rows.map((row) => [nameOf(row), row.count]));
      for (const [name, many] of takenBack) {
        const most = rows.get(name)?.count ?? 0;
        expect(held.get(name) ?? 0).toBeGreaterThanOrEqual(most - many);
        if (!waiting.has(JSON.parse(name)[0])) {
          expect(held.get(name) ?? 0).toBeLessThanOrEqual(most);
        }
      }
      expect(certain(told.rows)).toEqual(certain(rows.values()));
      const refusals = (all: Iterable<UsageRow>, client: string) =>
        [...all]
          .filter((row) => isOfWaiting(row) && row.client === client)
          .reduce((sum, { count }) => sum + count, 0);
      for (const [client, many] of waiting) {
        const least = refusals(rows.values(), client);
        expect(refusals(told.rows, client)).toBeGreaterThanOrEqual(least);
        expect(refusals(told.rows, client)).toBeLessThanOrEqual(least + many);
      }
      expect(told.instances.map((one) => [one.dropped, one.closed, one.missing])).toEqual(
        counts.map(({ doubts }) => [doubts(), true, 0]),
      );
      for (const { what, detail } of told.rows) met.add(what).add(detail);
    }),
    { numRuns: runs(150), seed: 2_030 },
  );
  // All of it was met, or this would say little.
  const details = ['BROWNOUT', 'RETIRED', 'MIGRATED', 'DISABLED', 'EXPIRED', 'UNKNOWN'];
  const kinds = 'key token refused claimed would-deny brownout route agent query both other';
  if (!inFull) return;
  expect([...met]).toEqual(
    expect.arrayContaining([
      ...kinds.split(' '),
      ...details.map((detail) => `ERR_API_KEY_${detail}`),
      ...['ERR_SCOPE_MISSING', 'ERR_TOKEN_AUDIENCE', 'ERR_TOKEN_EXPIRED'],
      ...['ERR_CREDENTIAL_MISMATCH', hours(24), hours(20)],
    ]),
  );
});
