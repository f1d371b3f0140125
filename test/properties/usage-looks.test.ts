import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ApiKeyRecord, createGuard, memoryUsageStore } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { requestOf } from '../rfc/ask.js';
import { runs } from '../runs.js';
import { createClock } from '../token/jwks-server.js';

const clock = createClock();
const issuer = await createTestIssuer({ now: clock.now });
const tokens = {
  good: await issuer.token({ clientId: 'shop' }),
  expired: await issuer.token({ clientId: 'shop', expiresIn: -3_600 }),
  none: undefined,
};
const records: Readonly<Record<string, ApiKeyRecord>> = {
  shop: { id: 'key_shop', clientId: 'shop' },
  portal: { id: 'key_portal', clientId: 'portal' },
  closed: { id: 'key_closed', clientId: 'late', disabled: true },
};

/** Guards of one store that look for keys in other places, and accept other requests. */
const kinds = [
  { headers: ['x-app-key'] },
  { headers: ['x-api-key'] },
  { headers: ['x-api-key'], both: 'same-client' as const },
  { headers: ['x-app-key', 'x-api-key'] },
];

const anyKey = fc.constantFrom(...Object.keys(records), undefined);
const anyLooks = fc.array(
  fc.record({ on: fc.nat(kinds.length - 1), isForAdmins: fc.boolean(), waits: fc.boolean() }),
  { minLength: 1, maxLength: 5 },
);

test('each key that came is counted by day, once, whichever guards looked at its request', async () => {
  const anyRequest = fc.record({
    app: anyKey,
    api: anyKey,
    token: fc.constantFrom<keyof typeof tokens>('good', 'expired', 'none'),
  });
  await fc.assert(
    fc.asyncProperty(anyRequest, anyLooks, async ({ app, api, token }, looks) => {
      const store = memoryUsageStore();
      const guards = kinds.map(({ headers, both }) =>
        createGuard({
          ...issuer.options,
          apiKeys: {
            from: headers.map((header) => ({ header })),
            lookup: async ({ value }) => records[value],
            ...(both && { both }),
            usage: { store },
            onMigration: () => {},
          },
        }),
      );
      // What a flush has told is not taken back: none is on its way while the guards look.
      for (const guard of guards) await guard.usage();
      const headers = {
        ...(app !== undefined && { 'x-app-key': app }),
        ...(api !== undefined && { 'x-api-key': api }),
        ...(tokens[token] !== undefined && { authorization: `Bearer ${tokens[token]}` }),
      };
      const source = {};
      const came = new Set<string>();
      for (const { on, isForAdmins, waits } of looks) {
        const request = { ...requestOf(headers), source };
        await guards[on]?.(request, isForAdmins ? { scopes: ['admin'] } : {});
        // Else the next guard looks at it before it is known whose its keys are.
        if (waits) await new Promise((done) => setImmediate(done));
        for (const name of kinds[on]?.headers ?? []) {
          const key = records[(name === 'x-app-key' ? app : api) ?? ''];
          if (key) came.add(key.id);
        }
      }
      for (const guard of guards) await guard.close();
      const rows = (await store.read()).rows.filter(({ key, day }) => key !== '' && day !== '');
      expect(new Set(rows.map(({ key }) => key))).toEqual(came);
      for (const { what, count, key } of rows) expect([key, what, count]).toEqual([key, what, 1]);
      for (const key of came) {
        const refusals = rows.filter((row) => row.key === key && row.what === 'refused');
        expect(refusals.length).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: runs(300), seed: 2_030 },
  );
});
