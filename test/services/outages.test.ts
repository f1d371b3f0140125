import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type ApiKeyOptions, createGuard, type Decision } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { describeWith, until } from './service.js';
import { kinds, type Store } from './stores.js';

const keysNamed = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { id: `id of ${name}` }]));

const word = (decision: Decision): string =>
  decision.allowed ? '200' : `${decision.denial.status} ${decision.error.code}`;

for (const { name, programs, open } of kinds) {
  describeWith(programs, `a guard in front of ${name}`, () => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });
    // A test that fails must not fail the next.
    beforeEach(async () => {
      store.server.resume();
      await store.server.start();
      const asked = () => store.lookup({ value: 'anything', sha256: '' });
      await until(() =>
        asked().then(
          () => true,
          () => false,
        ),
      );
    });
    afterAll(() => store?.close());

    async function openGuard(options: Partial<ApiKeyOptions> = {}) {
      const issuer = await createTestIssuer();
      const guard = createGuard({
        ...issuer.options,
        apiKeys: { from: [{ header: 'x-api-key' }], lookup: store.lookup, ...options },
      });
      onTestFinished(() => guard.close());
      const sending = (header: string, value: string) =>
        guard({ method: 'GET', url: '/', header: (name) => (name === header ? value : undefined) });
      const token = `Bearer ${await issuer.token()}`;
      return {
        key: async (value: string) => word(await sending('x-api-key', value)),
        token: async () => word(await sending('authorization', token)),
      };
    }

    test('that is killed: what is known goes on, what is not is 503, until it is back', async () => {
      await store.put({ ...keysNamed('known', 'late'), bad: { id: 'bad', disabled: true } });
      const guard = await openGuard();
      expect(await guard.key('known')).toBe('200');
      expect(await guard.key('bad')).toBe('401 ERR_API_KEY_DISABLED');
      await store.server.kill();
      for (let i = 0; i < 3; i += 1) {
        expect(await guard.key('late')).toBe('503 ERR_LOOKUP_FAILED');
        expect(await guard.key('wrong')).toBe('503 ERR_LOOKUP_FAILED');
        expect(await guard.key('known')).toBe('200');
        expect(await guard.key('bad')).toBe('401 ERR_API_KEY_DISABLED');
        expect(await guard.token()).toBe('200');
      }
      await store.server.start();
      await until(async () => (await guard.key('late')) === '200');
      expect(await guard.key('wrong')).toBe('401 ERR_API_KEY_UNKNOWN');
      expect(await guard.key('known')).toBe('200');
    });

    test('that is stopped in an orderly way: the same', async () => {
      await store.put(keysNamed('after_stop'));
      const guard = await openGuard();
      await store.server.stop();
      expect(await guard.key('after_stop')).toBe('503 ERR_LOOKUP_FAILED');
      expect(await guard.token()).toBe('200');
      await store.server.start();
      await until(async () => (await guard.key('after_stop')) === '200');
    });

    test('that hangs: 503 by the deadline for what is not known, until it is back', async () => {
      await store.put(keysNamed('before', 'during'));
      const guard = await openGuard({ timeout: 0.1 });
      await until(async () => (await guard.key('before')) === '200');
      store.server.pause();
      const asked = Array.from({ length: 50 }, (_, i) =>
        guard.key(i % 2 ? 'during' : `wrong_${i}`),
      );
      expect(new Set(await Promise.all(asked))).toEqual(new Set(['503 ERR_LOOKUP_TIMEOUT']));
      expect(await guard.key('before')).toBe('200');
      store.server.resume();
      await until(async () => (await guard.key('during')) === '200');
      await until(async () => (await guard.key('wrong')) === '401 ERR_API_KEY_UNKNOWN');
    });

    test('that hangs: neither tokens nor known keys wait for it', async () => {
      await store.put(keysNamed('held', 'waiting'));
      const guard = await openGuard({ timeout: 60 });
      expect(await guard.key('held')).toBe('200');
      store.server.pause();
      const answers: string[] = [];
      const asked = ['waiting', 'wrong'].map(async (key) => answers.push(await guard.key(key)));
      for (let i = 0; i < 50; i += 1) {
        expect([await guard.token(), await guard.key('held')]).toEqual(['200', '200']);
      }
      expect(answers).toEqual([]);
      store.server.resume();
      await Promise.all(asked);
      expect(answers.sort()).toEqual(['200', '401 ERR_API_KEY_UNKNOWN']);
    });

    test('that is killed under load: each answer is 200 or 503, and it comes back', async () => {
      const names = [...Array(40).keys()].map((i) => `loaded_${i}`);
      await store.put(keysNamed(...names));
      // Remembers nothing, so that each request is a look-up.
      const guard = await openGuard({ cache: { ttl: 0, negativeTtl: 0 } });
      const seen = new Map<string, number>();
      const tokens = new Set<string>();
      let going = true;

      const more = async (answer: RegExp, count: number) => {
        const total = () =>
          [...seen].reduce((sum, [key, times]) => (answer.test(key) ? sum + times : sum), 0);
        const goal = total() + count;
        await until(() => total() >= goal);
      };
      const client = async (name: string) => {
        while (going) {
          const answer = await guard.key(name);
          seen.set(answer, (seen.get(answer) ?? 0) + 1);
          tokens.add(await guard.token());
          await setImmediate();
        }
      };
      const clients = names.map(client);
      for (let round = 0; round < 3; round += 1) {
        await more(/^200/, 200);
        await store.server.kill();
        await more(/^503/, 200);
        await store.server.start();
      }
      await more(/^200/, 200);
      going = false;
      await Promise.all(clients);
      for (const answer of seen.keys()) expect(answer).toMatch(/^200$|^503 ERR_LOOKUP_FAILED$/);
      expect(tokens).toEqual(new Set(['200']));
    });
  });
}
