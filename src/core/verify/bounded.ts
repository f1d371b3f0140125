import { LRUCache } from 'lru-cache';
import { bare } from './json.js';

/** A map that holds so many values and no more. */
export interface BoundedMap<V> {
  get(name: string): V | undefined;
  set(name: string, value: V): unknown;
  delete(name: string): unknown;
  entries(): Iterable<[string, V]>;
}

/** Makes a map in which the value that was not asked for for longest makes room for another. */
export const boundedMap = <V extends object>(max: number): BoundedMap<V> =>
  // An option that somebody put into Object.prototype is none of ours.
  new LRUCache<string, V>(bare({ max }) as unknown as { readonly max: number });
