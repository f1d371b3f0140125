import { UpstreamError, type UpstreamErrorCode } from './errors.js';

/** How long work may take, and who may end it with a reason of its own. */
export interface Deadline {
  readonly milliseconds: number;
  /** What it is called if it is late; without a name it is an Error like any other. */
  readonly late?: UpstreamErrorCode;
  readonly closing?: AbortSignal;
  /** What the work waits for when it is late, for the message; '' for nothing in particular. */
  waitingFor?(): string;
}

/**
 * Runs work that has to be done by a deadline; the work is told by its signal and not waited for.
 * @throws UpstreamError if it is late, or an Error where that has no name
 */
export async function withDeadline<T>(
  { milliseconds, late, closing, waitingFor }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  closing?.throwIfAborted();
  const controller = new AbortController();
  let stop = () => {};
  let timer: NodeJS.Timeout | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(closing?.reason);
    const error = () => {
      const what = waitingFor?.() ?? '';
      const message = `no answer within ${milliseconds / 1000} s${what && ` from ${what}`}`;
      return late ? new UpstreamError(late, message) : new Error(message);
    };
    timer = setTimeout(() => reject(error()), milliseconds);
    timer.unref?.(); // Workers have numbers for timers
  });
  closing?.addEventListener('abort', stop);
  try {
    return await Promise.race([stopped, work(controller.signal)]);
  } finally {
    clearTimeout(timer);
    closing?.removeEventListener('abort', stop);
    // With a reason, since making one costs more than all the rest.
    controller.abort('over');
  }
}
