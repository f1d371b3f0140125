import type { ApiKeyLookup, MigrationPlan } from 'sallyport';
import { createApiKey, inMemoryApiKeys } from 'sallyport/api-keys';
import { createTestIssuer } from 'sallyport/testing';
import { startInventories } from './inventories.js';
import type { Table } from './table.js';
import { bearer, createStep, reading } from './walk.js';

const guide = 'https://docs.example.com/oauth';
const plan: MigrationPlan = {
  deprecatedAt: '2027-01-15T00:00:00Z',
  sunsetAt: '2027-06-30T00:00:00Z',
  guide,
  brownouts: [{ start: '2027-05-04T10:00:00Z', end: '2027-05-04T11:00:00Z' }],
  clients: { warehouse: { mode: 'extension', until: '2027-09-30T00:00:00Z' } },
};

// What a key's answers say of the plan.
const deprecation = 'Deprecation: @1799971200';
const link = `Link: <${guide}>; rel="deprecation"`;
const links = `${link}, <${guide}>; rel="sunset"`;
const announced = ['200', deprecation, 'Sunset: Wed, 30 Jun 2027 00:00:00 GMT', links];

/** The old door: API keys beside tokens, from the first day of a migration to the last. */
export async function tellOfKeys(table: Table): Promise<void> {
  let today = '2027-01-04T09:00:00Z';
  const now = () => Date.parse(today);
  const issuer = await createTestIssuer({ audience: 'https://inventory.example.com', now });

  const makeKey = (id: string, clientId: string) => {
    const { key, digest } = createApiKey({ prefix: 'acme_live' });
    return { key, stored: { id, clientId, orgId: 'acme', scopes: ['stock:read'], digest } };
  };
  const orderService = makeKey('key_1', 'order-service');
  const warehouse = makeKey('key_2', 'warehouse');
  const nobody = makeKey('key_3', 'nobody');

  let storeIsUp = true;
  const find = inMemoryApiKeys([orderService.stored, warehouse.stored]);
  const lookup: ApiKeyLookup = async (key) => {
    if (!storeIsUp) throw new Error('the store of keys is down');
    return find(key);
  };

  const running = await startInventories({
    ...issuer.options,
    apiKeys: { from: [{ header: 'x-api-key' }], lookup, plan },
  });
  const { title, section } = table;
  const step = createStep(table, running);

  const keyOf = ({ key }: { readonly key: string }) => ({ 'x-api-key': key });
  const token = async () => {
    const parts = { clientId: 'order-service', orgId: 'acme', scopes: ['stock:read'] };
    return bearer(await issuer.token(parts));
  };

  /** Only what the key gets changes with the date. */
  async function everyWay(keyGets: readonly string[]): Promise<void> {
    await step("the order service's key", reading(keyOf(orderService)), keyGets);
    await step('its token', reading(await token()), '200');
    await step(
      'key and token on one request',
      reading({ ...keyOf(orderService), ...(await token()) }),
      '400 ERR_CREDENTIAL_AMBIGUOUS Bearer error="invalid_request", scope="stock:read"',
    );
    await step('neither', reading(), '401 ERR_CREDENTIAL_MISSING Bearer scope="stock:read"');
  }

  title(
    'The same API, in the months of its migration from API keys to tokens',
    'A key is sent as X-API-Key. By the plan, keys are deprecated on 15 January 2027 and rejected from 30 June.\n' +
      'On 4 May, they are rejected for an hour in a brownout. One client, the warehouse, has until\n' +
      '30 September. For tokens, nothing changes on any of these days.',
  );

  section('4 January: keys and tokens are accepted. Responses to keys have a link to the guide');
  await everyWay(['200', link]);
  await step(
    'a key that was never stored',
    reading(keyOf(nobody)),
    '401 ERR_API_KEY_INVALID Bearer scope="stock:read"',
  );
  await step("the key, for globex's stock", reading(keyOf(orderService), 'globex'), [
    '403 ERR_ORG_MISMATCH',
    link,
  ]);

  today = '2027-01-15T09:00:00Z';
  section('15 January: keys are deprecated. They still work, and the answers say until when');
  await everyWay(announced);

  today = '2027-02-01T09:00:00Z';
  storeIsUp = false;
  section('1 February: the store of keys is down, so no key can be called good or bad');
  await step(
    'the key',
    reading(keyOf(orderService)),
    '503 ERR_TEMPORARILY_UNAVAILABLE Retry-After: 1',
  );
  await step('a token', reading(await token()), '200');
  storeIsUp = true;
  await step('the key, once the store is back', reading(keyOf(orderService)), announced);

  const refused = '401 ERR_API_KEY_RETIRED';
  today = '2027-05-04T10:15:00Z';
  section('4 May, 10:15: a brownout. Whoever still uses a key notices, and can come back at 11:00');
  await everyWay([`${refused} Retry-After: 2700`, links]);
  today = '2027-05-04T11:00:00Z';
  await step('the key, at 11:00', reading(keyOf(orderService)), announced);

  today = '2027-06-30T00:00:00Z';
  section('30 June: the sunset. The old door is closed, but for the warehouse');
  await everyWay([`${refused} Bearer scope="stock:read"`, links]);
  await step("the warehouse's key", reading(keyOf(warehouse)), [
    '200',
    deprecation,
    'Sunset: Thu, 30 Sep 2027 00:00:00 GMT',
    links,
  ]);

  await Promise.all(running.map((one) => one.close()));
}
