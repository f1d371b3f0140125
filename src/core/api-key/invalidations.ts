import { withDeadline } from '../base/deadline.js';
import { UpstreamError } from '../base/errors.js';
import type { ApiKeyInvalidations } from './options.js';

/** Tells other processes of keys that have changed, and listens for what they tell. */
export interface Listening {
  /**
   * Settles once it listens.
   * @throws UpstreamError while it cannot
   */
  ready(): Promise<void>;
  /**
   * Tells every process of a key.
   * @throws whatever `publish` throws; UpstreamError if it takes longer than 5 seconds
   */
  publish(id: string): Promise<void>;
  /**
   * Ends the subscription.
   * @throws whatever that throws; UpstreamError if it takes longer than 5 seconds
   */
  close(): Promise<void>;
}

const longestPause = 30_000;
const patience = { milliseconds: 5_000, late: 'ERR_LOOKUP_TIMEOUT' } as const;
const nothing: Listening = {
  ready: async () => {},
  publish: async () => {},
  close: async () => {},
};

/**
 * Subscribes, and tries again behind the requests for as long as that fails. `forget` is called with
 * the id of each key, and without one when any may have been missed: also at the beginning, for what
 * was remembered before anybody listened.
 */
export function listenForInvalidations(
  invalidations: ApiKeyInvalidations | undefined,
  forget: (id?: string) => void,
): Listening {
  if (!invalidations) return nothing;
  let stop: (() => Promise<void>) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function hear(id: unknown): void {
    if (closed) return;
    // What is no id says that some key has changed, and not which.
    forget(typeof id === 'string' || typeof id === 'number' ? String(id) : undefined);
  }

  async function begin(pause: number): Promise<void> {
    try {
      stop = await (invalidations as ApiKeyInvalidations).subscribe(hear);
      if (closed) await stop();
      else forget();
    } catch {
      if (closed) return;
      timer = setTimeout(() => void begin(Math.min(pause * 2, longestPause)), pause);
      timer.unref?.();
    }
  }

  const first = begin(1_000);
  return {
    async ready() {
      await withDeadline(patience, () => first);
      if (stop || closed) return;
      throw new UpstreamError('ERR_LOOKUP_FAILED', 'invalidated API keys cannot be listened for');
    },
    publish: (id) => withDeadline(patience, async () => invalidations.publish(id)),
    async close() {
      closed = true;
      clearTimeout(timer);
      if (stop) await withDeadline(patience, stop);
    },
  };
}
