/** A change of an issuer's keys, or a fetch of them, for operators. */
export type JwksEvent = {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly issuer: string;
} & JwksNews;

/** A {@link JwksEvent} without its time and issuer. */
export type JwksNews =
  | {
      /** A fetch succeeded; `keys` is how many keys of the set can be used. */
      readonly kind: 'fetched';
      readonly keys: number;
    }
  | {
      /** A fetch failed, or the JWKS store did: the cached keys are used on. */
      readonly kind: 'failed';
      readonly detail: string;
    }
  | {
      /** Keys were added to the set, or removed from it: tokens signed by removed keys are rejected. */
      readonly kind: 'rotated' | 'withdrawn';
      /** The `kid` of each key; '' for a key without one. */
      readonly kids: readonly string[];
    }
  | {
      /** Keys older than `maxAge` are used, because fetches fail: emitted once an outage. */
      readonly kind: 'stale';
    };

/** Emits an event of one issuer. */
export type EmitJwks = (news: JwksNews & { readonly time: number }) => unknown;

/** Creates the emitter of one issuer. What the listener throws or rejects with is ignored. */
export function createJwksEmitter(
  listener: ((event: JwksEvent) => unknown) | undefined,
  issuer: string,
): EmitJwks {
  if (!listener) return () => {};
  return (news) => {
    Promise.resolve({ ...news, issuer })
      .then(listener)
      .catch(() => {});
  };
}
