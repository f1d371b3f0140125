import type { AuthErrorCode } from '../base/errors.js';
import { createLru } from '../base/lru.js';
import type { ApiKeyRecord, KnownKey, Principal } from '../principal.js';

/** A valid key. */
export interface Known {
  readonly code: undefined;
  readonly record: ApiKeyRecord;
  readonly principal: Principal;
  readonly at: number;
  /** The number of its lookup: a larger one began later. */
  readonly turn: number;
  /** After a failed lookup: until when nobody asks again. */
  askAgainAt: number;
}

/** A key that is refused. */
export interface Refused {
  readonly code: AuthErrorCode;
  /** Undefined if nothing is known of it. */
  readonly key: KnownKey | undefined;
  readonly at: number;
  readonly turn: number;
}

/** What a lookup made of a key. */
export type Verdict = Known | Refused;

/** The id of the record that a verdict is about; undefined for an unknown key. */
export const idOf = (verdict: Verdict): string | undefined =>
  verdict.code === undefined ? verdict.record.id : verdict.key?.id;

/** Remembers verdicts by the handle of a key; valid and refused keys do not displace each other. */
export interface ApiKeyCache {
  known(handle: string): Known | undefined;
  refused(handle: string): Refused | undefined;
  /** Keeps a verdict, unless a lookup that began later has left one. */
  keep(handle: string, verdict: Verdict): void;
  drop(handle: string): void;
  /** Forgets every handle of a record, in a time that does not depend on how many are remembered. */
  forget(id: string): void;
}

export function createApiKeyCache({
  max,
  negativeMax,
}: {
  readonly max: number;
  readonly negativeMax: number;
}): ApiKeyCache {
  const handles = createIndex();
  const leave = (verdict: Verdict, handle: string) => handles.remove(idOf(verdict), handle);
  const known = createLru<Known>(max, leave);
  const refused = createLru<Refused>(negativeMax, leave);

  function drop(handle: string): void {
    known.delete(handle);
    refused.delete(handle);
  }

  return {
    known: (handle) => known.get(handle),
    refused: (handle) => refused.get(handle),
    keep(handle, verdict) {
      const held = known.get(handle) ?? refused.get(handle);
      if (held && held.turn > verdict.turn) return;
      drop(handle);
      if (verdict.code === undefined) known.set(handle, verdict);
      else refused.set(handle, verdict);
      handles.add(idOf(verdict), handle);
    },
    drop,
    forget(id) {
      for (const handle of handles.of(id)) drop(handle);
    },
  };
}

/** The handles of each id. There is nearly always one, and a Set for it would take ten times the room. */
function createIndex() {
  const all = new Map<string, string | Set<string>>();
  return {
    add(id: string | undefined, handle: string): void {
      if (id === undefined) return;
      const held = all.get(id);
      if (held instanceof Set) held.add(handle);
      else if (held === undefined) all.set(id, handle);
      else if (held !== handle) all.set(id, new Set([held, handle]));
    },
    remove(id: string | undefined, handle: string): void {
      if (id === undefined) return;
      const held = all.get(id);
      if (held === handle) all.delete(id);
      if (held instanceof Set && held.delete(handle) && held.size === 0) all.delete(id);
    },
    of(id: string): readonly string[] {
      const held = all.get(id);
      if (held === undefined) return [];
      return held instanceof Set ? [...held] : [held];
    },
  };
}
