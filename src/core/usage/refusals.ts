import type { AuthErrorCode, ErrorCode } from '../base/errors.js';
import type { Decision } from '../decision.js';
import type { Attempt } from '../events.js';

/** How often, by the codes of docs/errors.md, since this guard was made. */
export interface Counts {
  /** Requests that were refused. */
  readonly refused: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Requests that a check in report mode, or a brownout in a dry run, would have refused. */
  readonly wouldDeny: Readonly<Partial<Record<ErrorCode, number>>>;
}

/** What of an attempt was not seen before of the same request. */
export interface FirstCounts {
  readonly refused: boolean;
  readonly notes: readonly AuthErrorCode[];
}

/** Counts refusals by their reason: as many counters as there are codes, and no more. */
export interface RefusalCounters {
  /** Counts one attempt; a second look at the same request is not counted again. */
  add(attempt: Attempt, decision: Decision): FirstCounts;
  read(): Counts;
}

/** What makes two looks one request: the framework's own, if it is an object. */
export const sourceOf = ({ request }: Attempt): object =>
  typeof request.source === 'object' && request.source !== null ? request.source : request;

const nothingNew: FirstCounts = { refused: false, notes: [] };

export function createRefusalCounters(): RefusalCounters {
  const refused = new WeakSet<object>();
  const noted = new WeakMap<object, ReadonlySet<ErrorCode>>();
  const refusals = new Map<ErrorCode, number>();
  const reports = new Map<ErrorCode, number>();
  const count = (counters: Map<ErrorCode, number>, code: ErrorCode) =>
    counters.set(code, (counters.get(code) ?? 0) + 1);

  return {
    add(attempt, decision) {
      const { notes } = attempt;
      if (decision.allowed && notes.length === 0) return nothingNew;
      const source = sourceOf(attempt);
      const isNew = !decision.allowed && !refused.has(source);
      if (isNew) {
        refused.add(source);
        count(refusals, decision.error.code);
      }
      if (notes.length === 0) return { refused: isNew, notes };
      const before = noted.get(source);
      const newNotes = notes.filter((code) => !before?.has(code));
      for (const code of newNotes) count(reports, code);
      noted.set(source, new Set([...(before ?? []), ...notes]));
      return { refused: isNew, notes: newNotes };
    },
    read: () => ({
      refused: Object.fromEntries(refusals),
      wouldDeny: Object.fromEntries(reports),
    }),
  };
}
