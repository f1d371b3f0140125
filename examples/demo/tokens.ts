import { createTestIssuer, type TokenParts } from 'sallyport/testing';
import { startInventories } from './inventories.js';
import { createOrderService } from './order-service.js';
import type { Table } from './table.js';
import { bearer, createStep, reading } from './walk.js';

/** The new door: whom a token lets in, and what the API does on the issuer's bad days. */
export async function tellOfTokens(table: Table): Promise<void> {
  let time = Date.now();
  const now = () => time;
  const pass = ({ minutes = 0, seconds = 0 }) => {
    time += (minutes * 60 + seconds) * 1000;
  };

  const issuer = await createTestIssuer({ audience: 'https://inventory.example.com', now });
  await issuer.listen();
  const orders = createOrderService({
    tokenUrl: issuer.tokenEndpoint,
    clientId: 'order-service',
    clientSecret: 'not-so-secret',
    scope: 'stock:read',
    now,
  });
  const running = await startInventories(issuer.options);
  const { title, section, counts } = table;
  const step = createStep(table, running);

  const withToken = (token: string) => reading(bearer(token));
  const writeWith = (token: string) => (origin: string) =>
    fetch(`${origin}/orgs/acme/stock/bolts`, {
      method: 'PUT',
      headers: { ...bearer(token), 'content-type': 'application/json' },
      body: '{"count":99}',
    });
  const orderService = (origin: string) => orders.readStock(origin, 'acme');

  const tokenFor = (parts: TokenParts = {}) =>
    issuer.token({ scopes: ['stock:read'], orgId: 'acme', ...parts });
  const early = await tokenFor();
  const lasting = await tokenFor({ expiresIn: 24 * 3600 });

  title(
    'An inventory API with sallyport at its door',
    'It runs twice, on Express and on Fastify, beside an issuer of tokens and an order service that\n' +
      'calls it, all over real HTTP on this machine. Time passes only where the story says so.',
  );

  section('Nobody gets in without a good token');
  await step('no token', reading(), '401 ERR_CREDENTIAL_MISSING Bearer scope="stock:read"');
  await step(
    'garbage for a token',
    withToken('garbage'),
    '401 ERR_TOKEN_NOT_JWT Bearer error="invalid_token", scope="stock:read"',
  );
  await step(
    'a good token, but in the URL',
    (origin) => fetch(`${origin}/orgs/acme/stock?access_token=${early}`),
    '400 ERR_TOKEN_IN_QUERY Bearer error="invalid_request", scope="stock:read"',
  );
  await step(
    'a token signed by a stranger',
    withToken(await tokenFor({ wrongKey: true })),
    '401 ERR_TOKEN_SIGNATURE Bearer error="invalid_token", scope="stock:read"',
  );

  section("The order service gets a token to read acme's stock, and can do no more");
  await step("reads acme's stock", orderService, '200');
  await step('reads it again', orderService, '200');
  counts('one token was enough for that', issuer.requests.token, 1);
  await step(
    "tries globex's stock",
    (origin) => orders.readStock(origin, 'globex'),
    '403 ERR_ORG_MISMATCH',
  );
  await step(
    "tries to write acme's stock",
    (origin) => orders.writeStock(origin, 'acme', ['bolts', 99]),
    '403 ERR_SCOPE_MISSING Bearer error="insufficient_scope", scope="stock:write"',
  );
  await step(
    'a clerk, who has stock:write, does',
    writeWith(await tokenFor({ clientId: 'clerk', scopes: ['stock:write'] })),
    '200',
  );

  section('Six minutes pass, and a token lasts for five');
  pass({ minutes: 6 });
  await step(
    'a token from the beginning',
    withToken(early),
    '401 ERR_TOKEN_EXPIRED Bearer error="invalid_token", scope="stock:read"',
  );
  await step('the order service', orderService, '200');
  counts('it got itself a new token', issuer.requests.token, 2);

  section('The issuer changes its keys');
  await issuer.rotateKeys();
  await step('a token of the new key, at once', withToken(await tokenFor()), '200');
  await step('the order service, still on the old', orderService, '200');

  section('The issuer goes down');
  issuer.goDown();
  await step('the order service', orderService, '200');
  pass({ minutes: 60 });
  await step('an hour later, a token for the day', withToken(lasting), '200');
  const restarted = await startInventories(issuer.options);
  await step(
    'the same, but the API was restarted',
    withToken(lasting),
    '503 ERR_TEMPORARILY_UNAVAILABLE Retry-After: 1',
    restarted,
  );

  section('The issuer is back, and a second passes');
  issuer.comeBack();
  pass({ seconds: 1 });
  await step('the same once more', withToken(lasting), '200', restarted);
  await step('the order service', orderService, '200', restarted);

  await Promise.all([...running, ...restarted, issuer].map((one) => one.close()));
}
