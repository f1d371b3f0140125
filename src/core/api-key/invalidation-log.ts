/** Which keys were invalidated, and in what order: what an answer on its way is held against. */
export interface Invalidations {
  /** How many there were: what a lookup notes when it begins. */
  count(): number;
  /** Notes a key by its id; without one, every key. */
  add(id: string | undefined): void;
  /**
   * Whether a lookup that began at this count returned what may be outdated. For an unknown key, which
   * has no id, each invalidation counts: the key may have been made meanwhile.
   */
  outdate(begun: number, id: string | undefined): boolean;
}

/** Beyond this many ids, an answer that began before the oldest of them counts as outdated. */
const mostIds = 10_000;

/** Each operation takes constant time, however many keys are remembered or looked up. */
export function noteInvalidations(): Invalidations {
  const last = new Map<string, number>();
  let count = 0;
  let all = 0;
  return {
    count: () => count,
    add(id) {
      count += 1;
      if (id === undefined) {
        all = count;
        last.clear();
        return;
      }
      last.delete(id);
      last.set(id, count);
      if (last.size <= mostIds) return;
      for (const [oldest, at] of last) {
        all = at;
        last.delete(oldest);
        return;
      }
    },
    outdate(begun, id) {
      if (begun < all) return true;
      return id === undefined ? begun < count : (last.get(id) ?? 0) > begun;
    },
  };
}
