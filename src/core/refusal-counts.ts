import type { Attempt } from './attempt.js';
import type { AuthErrorCode, ErrorCode } from './base/errors.js';
import type { Decision } from './decision.js';
import { sourceOf } from './extract.js';

/** How often each code of docs/errors.md occurred since the guard was created. */
export interface Counts {
  /** Requests that were rejected. */
  readonly refused: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Requests that a report-only check, or a brownout in a dry run, would have rejected. */
  readonly wouldDeny: Readonly<Partial<Record<ErrorCode, number>>>;
}

/** Counts rejections by reason: at most one counter for each code. */
export interface RefusalCounts {
  /**
   * Counts one attempt, and returns the codes of report-only checks that this request had not met
   * yet. A second look at the same request is not counted again.
   */
  add(attempt: Attempt, decision: Decision): readonly AuthErrorCode[];
  read(): Counts;
}

const none: readonly AuthErrorCode[] = [];

export function createRefusalCounts(): RefusalCounts {
  const refused = new WeakSet<object>();
  const noted = new WeakMap<object, ReadonlySet<ErrorCode>>();
  const refusals = new Map<ErrorCode, number>();
  const reports = new Map<ErrorCode, number>();
  const count = (counters: Map<ErrorCode, number>, code: ErrorCode) =>
    counters.set(code, (counters.get(code) ?? 0) + 1);

  return {
    add({ request, notes }, decision) {
      if (decision.allowed && notes.length === 0) return none;
      const source = sourceOf(request);
      if (!decision.allowed && !refused.has(source)) {
        refused.add(source);
        count(refusals, decision.error.code);
      }
      if (notes.length === 0) return none;
      const before = noted.get(source);
      const newNotes = notes.filter((code) => !before?.has(code));
      for (const code of newNotes) count(reports, code);
      noted.set(source, new Set([...(before ?? []), ...notes]));
      return newNotes;
    },
    read: () => ({
      refused: Object.fromEntries(refusals),
      wouldDeny: Object.fromEntries(reports),
    }),
  };
}
