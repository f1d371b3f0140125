import { describe, expect, test } from 'vitest';
import type { ApiKeyOptions, GuardRequest } from '../../src/index.js';
import { requestOf } from '../rfc/ask.js';
import { down, hang, inWords, openScene, type Scene } from './scene.js';

type Parts = Parameters<Scene['bearing']>[0];

/** A request with both: a key in its header, and a token. */
async function together(scene: Scene, key: string, parts?: Parts): Promise<GuardRequest> {
  const authorization = (await scene.bearing(parts)).header('authorization') ?? '';
  return requestOf({ authorization, 'x-api-key': key });
}

const open = (more: Partial<ApiKeyOptions> = {}) =>
  openScene({ apiKeys: { both: 'same-client', ...more } });

describe('by default', () => {
  test.each(['sk_1', 'sk_0', 'sk_disabled'])(
    'a key, %s, beside a token is 400, and neither is verified',
    async (key) => {
      const scene = await openScene();
      const request = await together(scene, key, { orgId: 'org_1' });
      expect(await scene.outcomeOf(request)).toBe('400 ERR_CREDENTIAL_AMBIGUOUS');
      expect([scene.store.asked, scene.issuer.requests.jwks]).toEqual([[], 0]);
      expect(scene.events).toMatchObject([{ status: 400, reason: 'ERR_CREDENTIAL_AMBIGUOUS' }]);
    },
  );

  test('nor does it pass where no credential is needed', async () => {
    const scene = await openScene({ optional: true });
    const request = await together(scene, 'sk_1', { orgId: 'org_1' });
    expect(await scene.outcomeOf(request)).toBe('400 ERR_CREDENTIAL_AMBIGUOUS');
  });
});

describe('same-client', () => {
  test('the token counts: its scopes, its subject, its organization', async () => {
    const scene = await open();
    const request = await together(scene, 'sk_1', { orgId: 'org_1', scopes: ['b'] });
    const decision = await scene.guard(request);
    expect(decision).toMatchObject({ allowed: true, principal: { kind: 'token' } });
    if (!decision.allowed) return;
    const { principal } = decision;
    expect([...(principal?.scopes ?? [])]).toEqual(['b']);
    expect([principal?.subject, principal?.key]).toEqual(['user_1', undefined]);
    expect(await scene.outcomeOf(request, { scopes: ['a'] })).toBe('403 ERR_SCOPE_MISSING');
    expect(await scene.outcomeOf(request, { scopes: ['b'] })).toBe('allowed');
    expect(scene.events.map(({ method }) => method)).toEqual(['both', 'both', 'both']);
    expect(scene.store.asked).toEqual(['sk_1']);
  });

  test.each<[string, object, Parts, string]>([
    ['client and organization are equal', { orgId: 'org_1' }, { orgId: 'org_1' }, 'allowed'],
    ['neither has an organization', {}, {}, 'allowed'],
    ['the clients differ', { clientId: 'client_2' }, {}, 'mismatch'],
    ['the clients differ in case', { clientId: 'Client_1' }, {}, 'mismatch'],
    ['the organizations differ', { orgId: 'org_2' }, { orgId: 'org_1' }, 'mismatch'],
    ['only the key has an organization', { orgId: 'org_1' }, {}, 'mismatch'],
    ['only the token has an organization', {}, { orgId: 'org_1' }, 'mismatch'],
    ['the key has no client', { clientId: undefined }, {}, 'mismatch'],
    ['the token has no client', {}, { claims: { client_id: undefined } }, 'mismatch'],
    [
      'neither has a client',
      { clientId: undefined },
      { claims: { client_id: undefined } },
      'mismatch',
    ],
    [
      'the key has no client, and its id is the token’s',
      { id: 'client_1', clientId: undefined },
      {},
      'mismatch',
    ],
    [
      'neither has a client, and the subjects are equal',
      { clientId: undefined, subject: 'user_1' },
      { claims: { client_id: undefined } },
      'mismatch',
    ],
  ])('where %s', async (_, record, parts, result) => {
    const scene = await open();
    scene.store.records.set('sk_3', { id: 'key_3', clientId: 'client_1', ...record });
    const outcome = await scene.outcomeOf(await together(scene, 'sk_3', parts));
    expect(outcome).toBe(result === 'allowed' ? 'allowed' : '400 ERR_CREDENTIAL_MISMATCH');
    const [event] = scene.events;
    expect(event?.method).toBe('both');
    if (result === 'mismatch') expect(event?.subject).toBeUndefined();
  });

  test('a mismatch is told as any two credentials are', async () => {
    const scene = await open();
    const [mismatch, ambiguous] = await Promise.all([
      scene.guard(await together(scene, 'sk_2')),
      scene.guard(requestOf({ 'x-api-key': 'sk_1', authorization: 'Bearer a' }, { url: '/' })),
    ]);
    const refuse = await openScene();
    const plain = await refuse.guard(await together(refuse, 'sk_2'));
    if (mismatch.allowed || plain.allowed || ambiguous.allowed) throw new Error('let through');
    expect(mismatch.denial).toEqual(plain.denial);
    expect(mismatch.denial.body.code).toBe('ERR_CREDENTIAL_AMBIGUOUS');
  });

  test.each<[string, Parts, string]>([
    ['an expired token', { expiresIn: -60 }, '401 ERR_TOKEN_EXPIRED'],
    ['a forged token', { wrongKey: true }, '401 ERR_TOKEN_SIGNATURE'],
    ['a token of another audience', { audience: 'https://other.test' }, '401 ERR_TOKEN_AUDIENCE'],
  ])('a good key does not mend %s, and is not even asked for', async (_, parts, outcome) => {
    const scene = await open();
    expect(await scene.outcomeOf(await together(scene, 'sk_1', parts))).toBe(outcome);
    expect(scene.store.asked).toEqual([]);
  });

  test.each(['Bearer', 'Bearer a, Bearer b', ''])(
    'nor a broken header: %j',
    async (authorization) => {
      const scene = await open();
      const request = requestOf({ authorization, 'x-api-key': 'sk_1' });
      expect(await scene.outcomeOf(request)).toMatch(/^400 ERR_(HEADER_|CREDENTIAL_AMBIGUOUS)/);
      expect(scene.store.asked).toEqual([]);
    },
  );

  test.each([
    ['unknown', 'sk_0', '401 ERR_API_KEY_UNKNOWN', undefined],
    ['disabled', 'sk_disabled', '401 ERR_API_KEY_DISABLED', 'key_disabled'],
    ['overlong', 'a'.repeat(2_049), '401 ERR_API_KEY_INVALID', undefined],
  ])('a good token does not mend a key that is %s', async (_, key, outcome, keyId) => {
    const scene = await open();
    expect(await scene.outcomeOf(await together(scene, key))).toBe(outcome);
    expect(scene.events).toMatchObject([{ method: 'both', outcome: 'deny' }]);
    expect([scene.events[0]?.keyId, scene.events[0]?.subject]).toEqual([keyId, undefined]);
  });

  test.each<[string, () => unknown, string]>([
    ['down', down, '503 ERR_LOOKUP_FAILED'],
    ['hanging', hang, '503 ERR_LOOKUP_TIMEOUT'],
  ])('while the store is %s, it is 503, and a token alone passes', async (_, answer, outcome) => {
    const scene = await open({ timeout: 0.01 });
    scene.store.answer = answer;
    expect(await scene.outcomeOf(await together(scene, 'sk_1'))).toBe(outcome);
    expect(await scene.outcomeOf(await scene.bearing())).toBe('allowed');
  });

  test('while the issuer is down, it is 503, whatever the key', async () => {
    const scene = await open();
    scene.issuer.goDown();
    expect(await scene.outcomeOf(await together(scene, 'sk_1'))).toBe('503 ERR_JWKS_UNREACHABLE');
    expect(scene.store.asked).toEqual([]);
    expect(await scene.outcome('sk_1')).toBe('allowed');
  });

  test('two keys are ambiguous beside a token, and so are a key and another behind Bearer', async () => {
    const from = [{ header: 'x-api-key' }, { header: 'x-key' }, { bearer: 'sk_' }];
    const scene = await open({ from });
    const request = await together(scene, 'sk_1', { orgId: 'org_1' });
    const authorization = request.header('authorization') ?? '';
    for (const headers of [
      { authorization, 'x-api-key': 'sk_1', 'x-key': 'sk_2' },
      { authorization: 'Bearer sk_1', 'x-api-key': 'sk_2' },
      { authorization: 'Bearer sk_1', 'x-api-key': 'sk_1', 'x-key': 'sk_2' },
    ]) {
      expect(await inWords(scene.guard(requestOf(headers)))).toBe('400 ERR_CREDENTIAL_AMBIGUOUS');
    }
    expect(await scene.outcomeOf(request)).toBe('allowed');
    expect(scene.store.asked).toEqual(['sk_1']);
  });

  test('a token in the place of the key does not count as one', async () => {
    const scene = await open();
    const authorization = (await scene.bearing()).header('authorization') ?? '';
    const request = requestOf({ authorization, 'x-api-key': authorization.slice(7) });
    expect(await scene.outcomeOf(request)).toBe('401 ERR_API_KEY_UNKNOWN');
  });
});
