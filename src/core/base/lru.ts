import { LRUCache } from 'lru-cache';
import { bare } from './json.js';

/** A map that holds so many values and no more. */
export interface Lru<V> {
  get(name: string): V | undefined;
  set(name: string, value: V): unknown;
  delete(name: string): unknown;
}

/**
 * Makes a map in which the value that was not asked for for longest makes room for another. `dropped`
 * is told of each value that leaves the map.
 */
export const createLru = <V extends object>(
  max: number,
  dropped?: (value: V, name: string) => void,
): Lru<V> => {
  const settings = dropped ? { max, dispose: dropped } : { max };
  // An option that somebody put into Object.prototype is none of ours.
  return new LRUCache<string, V>(bare(settings) as unknown as { readonly max: number });
};
