import type { RowBuffer } from './row-buffer.js';
import type { UsageKind, UsageStore } from './usage.js';

/** One count of a refusal, so that it can be taken back. */
export interface Counted {
  readonly holder: RowBuffer;
  readonly what: UsageKind;
  readonly detail: string;
  readonly minute: number;
}

/** What has been counted of one request. */
export interface Look {
  readonly letIn: boolean;
  readonly refused: boolean;
  /** What is taken back if it is let in after all. */
  readonly counted: Counted[];
}

/** Of requests that were let in: the same object for all, since nearly all are. */
export const letIn: Look = Object.freeze({ letIn: true, refused: false, counted: [] });
/** Of requests that were let in first, and refused later. */
export const letInAndRefused: Look = Object.freeze({ letIn: true, refused: true, counted: [] });

/** What has been counted, by the framework's own request. */
export type Looks = WeakMap<object, Look>;

const looksByStore = new WeakMap<UsageStore, Looks>();

/** A request that several guards of one store look at is one request. */
export function looksOf(store: UsageStore): Looks {
  const held = looksByStore.get(store) ?? new WeakMap<object, Look>();
  looksByStore.set(store, held);
  return held;
}
