/** What happens to an issuer's keys, for its operators. */
export type JwksEvent = {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly issuer: string;
} & JwksNews;

/** What is new about the keys of one issuer. */
export type JwksNews =
  | {
      /** A fetch worked; `keys` is how many of the set can be used. */
      readonly kind: 'fetched';
      readonly keys: number;
    }
  | {
      /** A fetch failed, or the store of keys did: what is held is used on. */
      readonly kind: 'failed';
      readonly detail: string;
    }
  | {
      /** Keys are listed that were not before, or are not any more: with them go their tokens. */
      readonly kind: 'rotated' | 'withdrawn';
      /** '' for a key without one. */
      readonly kids: readonly string[];
    }
  | {
      /** Keys older than `maxAge` are used, since none can be fetched: told once an outage. */
      readonly kind: 'stale';
    };

/** Tells of one issuer. */
export type EmitJwks = (news: JwksNews & { readonly time: number }) => unknown;

/** A listener can throw or reject: no request knows of it. */
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
