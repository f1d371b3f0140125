import type { Owner } from './holders.js';
import { type RowBuffer, takeBack } from './row-buffer.js';
import type { UsageKind, UsageStore } from './usage.js';

/** One count of a refusal, so that it can be taken back. */
interface Counted {
  readonly holder: RowBuffer;
  readonly what: UsageKind;
  readonly detail: string;
  readonly minute: number;
}

/**
 * What has been counted of one request. Several guards may find other credentials in it, and each of
 * those is counted once, whichever guard let the request in.
 */
export interface Look {
  /** Credentials that it was let in with, keys beside a token included. */
  readonly letIn: Owner[];
  /** Credentials that it was refused with, keys beside a token included. */
  readonly refused: Owner[];
  /** What is taken back if it is let in with the same credential after all. */
  readonly counted: Counted[];
  /** Whether it is counted as a request whose owner is not known. */
  isDoubtful: boolean;
}

/**
 * What has been counted, by the framework's own request. An owner alone: it was let in with that one
 * credential, as nearly all are, and takes no object of its own.
 */
export type Looks = WeakMap<object, Look | Owner>;

const looksByStore = new WeakMap<UsageStore, Looks>();

/** A request that several guards of one store look at is one request. */
export function looksOf(store: UsageStore): Looks {
  const held = looksByStore.get(store) ?? new WeakMap<object, Look | Owner>();
  looksByStore.set(store, held);
  return held;
}

/** Returns what has been counted of a request so far. It is changed by whoever counts next. */
export function lookAt(looks: Looks, source: object): Look {
  const held = looks.get(source);
  if (held && 'letIn' in held) return held;
  const look = { letIn: held ? [held] : [], refused: [], counted: [], isDoubtful: false };
  looks.set(source, look);
  return look;
}

/** Whether the request was let in with this credential. */
export const wasLetIn = ({ letIn }: Look, owner: Owner): boolean => letIn.some(isSame(owner));

/** The request is let in with a credential. False if it was before, by any guard. */
export function letIn(looks: Looks, source: object, owner: Owner): boolean {
  const held = looks.get(source);
  if (held === owner) return false;
  if (!held) {
    looks.set(source, owner);
    return true;
  }
  const look = lookAt(looks, source);
  if (wasLetIn(look, owner)) return false;
  look.letIn.push(owner);
  // It came, and was not refused in the end.
  for (const one of removed(look.counted, ({ holder }) => isSame(owner)(holder))) {
    takeBack(one.holder, one);
  }
  removed(look.refused, isSame(owner));
  return true;
}

/** The request is refused with a credential. False if it was before, by any guard. */
export function refuse({ refused }: Look, owner: Owner): boolean {
  if (refused.some(isSame(owner))) return false;
  refused.push(owner);
  return true;
}

const isSame =
  (owner: Owner) =>
  (other: Owner): boolean =>
    owner === other ||
    (owner.key === other.key && owner.client === other.client && owner.issuer === other.issuer);

/** Takes out those that are meant, and returns them. */
function removed<T>(list: T[], isMeant: (one: T) => boolean): T[] {
  const out = list.filter(isMeant);
  const rest = list.filter((one) => !isMeant(one));
  list.splice(0, list.length, ...rest);
  return out;
}
