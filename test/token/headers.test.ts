import { expect, onTestFinished, test } from 'vitest';
import { createGuard } from '../../src/index.js';
import { createTestIssuer, trustTestIssuers } from '../../src/testing.js';
import { judge } from '../rfc/ask.js';
import { createClock } from './jwks-server.js';

// The header of a good token is remembered, since an issuer's tokens have the same one. All that is
// asked of a header is asked of a remembered one too.

const clock = createClock();

async function openScene() {
  const issuer = await createTestIssuer({ now: clock.now });
  const guard = createGuard({ ...issuer.options, tokenCache: false });
  onTestFinished(() => guard.close());
  return { issuer, ask: (token: string) => judge(guard, token) };
}

test('a known header makes no token good', async () => {
  const { issuer, ask } = await openScene();
  expect(await ask(await issuer.token())).toBe('allowed');
  expect(await ask(await issuer.token({ wrongKey: true }))).toBe('ERR_TOKEN_SIGNATURE');
  expect(await ask(await issuer.token({ expiresIn: -60 }))).toBe('ERR_TOKEN_EXPIRED');
  const [header, payload, signature] = (await issuer.token()).split('.');
  expect(await ask(`${header}.${payload}A.${signature}`)).toBe('ERR_TOKEN_MALFORMED');
  expect(await ask(`${header}=.${payload}.${signature}`)).toBe('ERR_HEADER_MALFORMED');
  expect(await ask(`${header}.e30.${signature}`)).toBe('ERR_TOKEN_ISSUER');
  issuer.rotateKeys();
  clock.advance(3_600);
  expect(await ask(await issuer.token())).toBe('allowed');
  expect(await ask(`${header}.${payload}.${signature}`)).toBe('ERR_TOKEN_EXPIRED');
});

test('what one issuer may have in a header is no other’s', async () => {
  const kid = 'the same';
  const one = await createTestIssuer({ issuer: 'https://one.test', now: clock.now });
  const other = await createTestIssuer({ issuer: 'https://other.test', now: clock.now });
  const options = trustTestIssuers(one, other);
  const [first, second] = options.issuers as [object, object];
  const issuers = [first, { ...second, typ: ['at+jwt'] }] as typeof options.issuers;
  const guard = createGuard({ ...options, issuers, tokenCache: false, now: clock.now });
  onTestFinished(() => guard.close());
  const header = { typ: 'JWT' };
  expect(await judge(guard, await one.token({ header }))).toBe('allowed');
  expect(await judge(guard, await other.token({ header: { ...header, kid } }))).toBe(
    'ERR_TOKEN_TYPE',
  );
  const [known] = (await one.token({ header })).split('.');
  const [, ...rest] = (await other.token({ header })).split('.');
  expect(await judge(guard, [known, ...rest].join('.'))).toBe('ERR_TOKEN_TYPE');
});

test('more headers than are remembered are good all the same', async () => {
  const { issuer, ask } = await openScene();
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < 150; i += 1) {
      expect(await ask(await issuer.token({ header: { x: i } }))).toBe('allowed');
      expect(await ask(await issuer.token({ header: { x: i, crit: ['x'] } }))).toBe(
        'ERR_TOKEN_CRITICAL',
      );
    }
  }
  const long = await issuer.token({ header: { x: 'x'.repeat(2_000) } });
  for (let i = 0; i < 2; i += 1) expect(await ask(long)).toBe('allowed');
});
