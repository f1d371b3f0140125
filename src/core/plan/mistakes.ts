import { ConfigError } from '../base/errors.js';
import type { Sliced } from '../base/slices.js';

/** Mistakes of one plan, each on a line of its own; the last line may say that there are more. */
const mostLines = 20;

/** The mistakes that were found in a plan. Reading goes on after one, so that all are reported. */
export interface Mistakes {
  readonly found: readonly ConfigError[];
  /** Whether reading stopped because there were too many. */
  readonly incomplete: boolean;
  /** Adds one. @throws the error if it is no ConfigError, or one too many */
  add(error: unknown): void;
  /** Returns what `read` returns; undefined if it throws a ConfigError, which is added. */
  attempt<T>(read: () => T): T | undefined;
  /**
   * Returns an `attempt` for members that are required. It passes over one that is absent where the
   * object has had a mistake `since`: a misspelled name, most likely that of the member.
   */
  required(since: number): <T>(value: unknown, read: () => T) => T | undefined;
  /** The same for a whole plan: it also stops where there were too many. */
  collect<T>(work: () => Sliced<T>): Sliced<T | undefined>;
  /** The same for work in slices. */
  attemptSliced<T>(work: () => Sliced<T>): Sliced<T | undefined>;
}

export function createMistakes(): Mistakes {
  const found: ConfigError[] = [];
  let incomplete = false;

  function add(error: unknown): void {
    if (!(error instanceof ConfigError)) throw error;
    if (found.length >= mostLines) {
      // Thrown through every attempt around this one: the list is full for them too.
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

/** Returns one error for all mistakes: a single one as it is, several with a line for each. */
export function together(errors: readonly ConfigError[], incomplete: boolean): ConfigError {
  const [first, ...others] = errors;
  if (first && others.length === 0) return first;
  const lines = errors.map(({ message }) => message.replace(/[\r\n]+/g, ' '));
  const page = /see "[^"]*" in [^()]*\)$/.exec(first?.message ?? '')?.[0] ?? ')';
  if (incomplete) lines.splice(mostLines - 1, Infinity, `… and more mistakes (${page}`);
  // Where to read is the same for all: the last line says it.
  const shown = lines.map((line, index) =>
    index < lines.length - 1
      ? line.replace(/(?: \(|; )see "[^"]*" in [^()]*\)$/, (end) =>
          end.startsWith(';') ? ')' : '',
        )
      : line,
  );
  return new ConfigError(shown.join('\n'));
}
