import type { KeyInvalidations } from '../api-keys.js';
import { UpstreamError } from '../errors.js';
import { withDeadline } from '../verify/deadline.js';

/** Listens for keys that another process has changed. */
export interface Listening {
  /**
   * Settles once it listens.
   * @throws UpstreamError while it cannot
   */
  ready(): Promise<void>;
  close(): Promise<void>;
}

const longestPause = 30_000;
const patience = { milliseconds: 5_000, late: 'ERR_LOOKUP_TIMEOUT' } as const;

/** Subscribes, and tries again behind the requests for as long as that fails. */
export function listen(
  invalidations: KeyInvalidations | undefined,
  forget: (id: string) => void,
): Listening {
  if (!invalidations) return { ready: async () => {}, close: async () => {} };
  const { subscribe } = invalidations;
  let stop: (() => Promise<void>) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function begin(pause: number): Promise<void> {
    try {
      stop = await subscribe.call(invalidations, (id) => forget(String(id)));
      if (closed) await stop();
    } catch {
      if (closed) return;
      timer = setTimeout(() => void begin(Math.min(pause * 2, longestPause)), pause);
      timer.unref();
    }
  }

  const first = begin(1_000);
  return {
    async ready() {
      await withDeadline(patience, () => first);
      if (stop || closed) return;
      throw new UpstreamError('ERR_LOOKUP_FAILED', 'invalidated API keys cannot be listened for');
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await stop?.();
    },
  };
}
