import { vi } from 'vitest';
import { createGuard } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import type { UsageStore } from '../../src/usage.js';

/** Lets a guard begin, tell and end, on a host whose clock is so many days ahead. */
export async function guardAhead(days: number, store: UsageStore): Promise<void> {
  const issuer = await createTestIssuer();
  // The host's clock, and not only the guard's: nothing in this process may know better.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * 86_400_000 });
  try {
    const guard = createGuard({
      ...issuer.options,
      now: Date.now,
      apiKeys: { from: [{ header: 'x-api-key' }], lookup: async () => undefined, usage: { store } },
    });
    await guard.usage();
    await guard.close();
  } finally {
    vi.useRealTimers();
  }
}
