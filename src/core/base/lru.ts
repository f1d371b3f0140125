import { LRUCache } from 'lru-cache';
import { bare } from './json.js';

/** A map that holds so many values and no more. */
export interface BoundedMap<V> {
  get(name: string): V | undefined;
  set(name: string, value: V): unknown;
  delete(name: string): unknown;
}

/**
 * Makes a map in which the value that was not asked for for longest makes room for another. `dropped`
 * is told of each value that leaves the map.
 */
export const boundedMap = <V extends object>(
  max: number,
  dropped?: (value: V, name: string) => void,
): BoundedMap<V> => {
  const settings = dropped ? { max, dispose: dropped } : { max };
  // An option that somebody put into Object.prototype is none of ours.
  return new LRUCache<string, V>(bare(settings) as unknown as { readonly max: number });
};
