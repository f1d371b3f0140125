import { expect, onTestFinished, test, vi } from 'vitest';
import {
  createGuard,
  type MigrationEvent,
  memoryUsageStore,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

// Two copies of one process, as of a machine that was copied while it ran: the same name, the same
// numbers, and the same random values to come.

const clock = createClock();
const issuer = await createTestIssuer({ now: clock.now });

function open(store: UsageStore) {
  const events: MigrationEvent[] = [];
  const guard = createGuard({
    ...issuer.options,
    now: clock.now,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: `key_${value}`, clientId: value }),
      usage: { store },
      onMigration: (event) => events.push(event),
    },
  });
  onTestFinished(() => guard.close());
  const come = (client: string) => guard(requestOf({ 'x-api-key': client }));
  const flush = () => guard.usage().catch(() => {});
  return { guard, come, flush, events };
}

test.each([
  ['in the same millisecond', 0],
  ['later than the other has told twice', 30],
])('a copy that tells %s loses nothing of what it counted', async (_, seconds) => {
  const kept = memoryUsageStore();
  let isDown = true;
  const behind: UsageStore = {
    ...kept,
    async add(batch) {
      if (isDown) throw new Error('out of reach');
      await kept.add(batch);
    },
  };
  const uuid = '00000000-0000-4000-8000-000000000000';
  const random = vi.spyOn(globalThis.crypto, 'randomUUID').mockReturnValue(uuid);
  onTestFinished(() => random.mockRestore());
  const one = open(kept);
  const copy = open(behind);
  await one.flush();
  for (let i = 0; i < 7; i += 1) await copy.come('night');
  await copy.flush();
  for (let i = 0; i < 2; i += 1) {
    clock.advance(seconds);
    await one.come('shop');
    await one.flush();
  }
  random.mockRestore();
  isDown = false;
  await copy.flush();
  await one.come('shop');
  await one.flush();
  const { rows, instances } = await kept.read();
  const keys = rows.filter(({ what }) => what === 'key');
  expect(keys.map(({ client, count }) => [client, count])).toEqual([
    ['shop', 3],
    ['night', 7],
  ]);
  expect(instances.map(({ missing, dropped }) => [missing, dropped])).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect(copy.events).toContainEqual(
    expect.objectContaining({ detail: expect.stringContaining('under a new instance name') }),
  );
});
