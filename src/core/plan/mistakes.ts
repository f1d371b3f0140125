import { ConfigError } from '../base/errors.js';
import type { Sliced } from '../base/slices.js';

/** The most lines of an error message for one plan; the last line may say that there are more. */
const mostLines = 20;

/** Collects the errors of one plan. Reading continues after an error, so that all are reported. */
export interface Mistakes {
  readonly found: readonly ConfigError[];
  /** Whether reading stopped because there were too many errors. */
  readonly incomplete: boolean;
  /** Adds an error. @throws the error itself if it is not a ConfigError, or one too many */
  add(error: unknown): void;
  /** Returns what `read` returns. If it throws a ConfigError, adds that and returns undefined. */
  attempt<T>(read: () => T): T | undefined;
  /**
   * Returns an `attempt` for required members. It does not report a missing member if the object has
   * had an error `since`: that is most likely its name, misspelled.
   */
  required(since: number): <T>(value: unknown, read: () => T) => T | undefined;
  /** The same as `attemptSliced` for a whole plan: it also returns undefined after too many errors. */
  collect<T>(work: () => Sliced<T>): Sliced<T | undefined>;
  /** The same as `attempt` for work in slices. */
  attemptSliced<T>(work: () => Sliced<T>): Sliced<T | undefined>;
}

export function createMistakes(): Mistakes {
  const found: ConfigError[] = [];
  let incomplete = false;

  function add(error: unknown): void {
    if (!(error instanceof ConfigError)) throw error;
    if (found.length >= mostLines) {
      // Every attempt around this one rethrows it, because the list is full for them too.
      incomplete = true;
      throw error;
    }
    found.push(error);
  }

  function* attemptSliced<T>(work: () => Sliced<T>): Sliced<T | undefined> {
    try {
      return yield* work();
    } catch (error) {
      add(error);
      return undefined;
    }
  }

  function attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      add(error);
      return undefined;
    }
  }

  return {
    found,
    add,
    attempt,
    attemptSliced,
    get incomplete() {
      return incomplete;
    },
    required(since) {
      const hadMistake = found.length > since;
      return (value, read) => (value === undefined && hadMistake ? undefined : attempt(read));
    },
    *collect(work) {
      try {
        return yield* attemptSliced(work);
      } catch (error) {
        if (!incomplete) throw error;
        return undefined;
      }
    },
  };
}

/** Returns one error for all: a single error as it is, several with a line for each. */
export function together(errors: readonly ConfigError[], incomplete: boolean): ConfigError {
  const [first, ...others] = errors;
  if (first && others.length === 0) return first;
  const lines = errors.map(({ message }) => message.replace(/[\r\n]+/g, ' '));
  if (incomplete) {
    const page = seeAlso.exec(first?.message ?? '')?.[0] ?? '';
    lines.splice(mostLines - 1, Infinity, `… and more errors.${page}`);
  }
  // All lines refer to the same page, so only the last one names it.
  const shown = lines.map((line, index) =>
    index < lines.length - 1 ? line.replace(seeAlso, '') : line,
  );
  return new ConfigError(shown.join('\n'));
}

const seeAlso = / See "[^"]*" in [^"]*\.$/;
