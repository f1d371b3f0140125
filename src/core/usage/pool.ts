/** A token that waits to be examined. */
interface Waiting {
  /** Whose it claims to be. */
  readonly name: string;
  readonly isKnown: boolean;
  readonly minute: number;
  readonly token: string;
}

/** Keeps a sample of tokens in memory. */
export interface Pool<T extends Waiting> {
  /** Keeps it, in the place of another one, or gives it up: each that came has the same chance. */
  add(one: T): void;
  /** Takes one out by chance: a name that comes often has no more of them than any other. */
  draw(): T | undefined;
  giveUp(whether: (one: T) => boolean): void;
  size(): number;
}

/** Of clients that are known, and as many again of those that are not. */
const mostNames = 25;
/** Of one client. */
const mostOfOne = 4;
const mostCharacters = 4_096;

interface Sample<T> {
  readonly held: T[];
  /** How many have come since the minute began. */
  seen: number;
  minute: number;
}

const anyOf = (length: number): number => Math.floor(Math.random() * length);

/**
 * A sample by chance of what comes (reservoir sampling): whoever sends thousands of forged tokens keeps
 * a good one out for a while only, and can neither foresee nor choose which are examined.
 */
export function createPool<T extends Waiting>(givenUp: (one: T) => void): Pool<T> {
  const known = new Map<string, Sample<T>>();
  const unknown = new Map<string, Sample<T>>();
  let size = 0;

  function place(one: T): Sample<T> | undefined {
    const samples = one.isKnown ? known : unknown;
    const held = samples.get(one.name);
    if (held) return held;
    if (samples.size >= mostNames) {
      // One of so many names has to go, or the new one: by chance too.
      const other = [...samples.keys()][anyOf(samples.size + 1)];
      if (other === undefined) return undefined;
      drop(samples, other);
    }
    const sample: Sample<T> = { held: [], seen: 0, minute: one.minute };
    samples.set(one.name, sample);
    return sample;
  }

  function drop(samples: Map<string, Sample<T>>, name: string): void {
    for (const one of samples.get(name)?.held ?? []) {
      size -= 1;
      givenUp(one);
    }
    samples.delete(name);
  }

  function addTo(sample: Sample<T>, one: T): void {
    if (sample.minute !== one.minute) Object.assign(sample, { seen: 0, minute: one.minute });
    sample.seen += 1;
    if (sample.held.length < mostOfOne) {
      sample.held.push(one);
      size += 1;
      return;
    }
    const at = anyOf(sample.seen);
    const other = sample.held[at];
    if (other) sample.held[at] = one;
    givenUp(other ?? one);
  }

  return {
    add(one) {
      const sample = one.token.length <= mostCharacters ? place(one) : undefined;
      if (sample) addTo(sample, one);
      else givenUp(one);
    },
    draw() {
      const samples = known.size > 0 ? known : unknown;
      const name = [...samples.keys()][anyOf(samples.size)];
      const held = samples.get(name ?? '')?.held ?? [];
      const [one] = held.splice(anyOf(held.length), 1);
      if (held.length === 0) samples.delete(name ?? '');
      if (one) size -= 1;
      return one;
    },
    giveUp(whether) {
      for (const samples of [known, unknown]) {
        for (const [name, { held }] of samples) {
          const kept = held.filter((one) => !whether(one));
          for (const one of held.filter(whether)) givenUp(one);
          size -= held.length - kept.length;
          if (kept.length === 0) samples.delete(name);
          else held.splice(0, held.length, ...kept);
        }
      }
    },
    size: () => size,
  };
}
