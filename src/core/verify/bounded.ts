import { LRUCache } from 'lru-cache';
import { bare } from './json.js';

/** Holds so many values; the one that was not asked for for longest makes room. */
export const boundedMap = <V extends object>(max: number): LRUCache<string, V> =>
  // An option that somebody put into Object.prototype is none of ours.
  new LRUCache(bare({ max }) as unknown as { readonly max: number });
