import type { Decision } from '../decision.js';
import type { ErrorCode } from '../errors.js';
import type { Attempt } from '../events.js';

/** How often, by the codes of docs/errors.md, since this guard was made. */
export interface Counts {
  /** Requests that were refused. */
  readonly refused: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Requests that a check in report mode, or a brownout in a dry run, would have refused. */
  readonly wouldDeny: Readonly<Partial<Record<ErrorCode, number>>>;
}

/** Counts refusals by their reason: as many counters as there are codes, and no more. */
export interface Tally {
  /** Counts one attempt; a second look at the same request is not counted again. */
  add(attempt: Attempt, decision: Decision): void;
  read(): Counts;
}

export function createTally(): Tally {
  const refused = new WeakSet<object>();
  const noted = new WeakMap<object, ReadonlySet<ErrorCode>>();
  const refusals = new Map<ErrorCode, number>();
  const reports = new Map<ErrorCode, number>();
  const count = (counters: Map<ErrorCode, number>, code: ErrorCode) =>
    counters.set(code, (counters.get(code) ?? 0) + 1);

  return {
    add({ request, notes }, decision) {
      const source = request.source ?? request;
      if (!decision.allowed && !refused.has(source)) {
        refused.add(source);
        count(refusals, decision.error.code);
      }
      if (notes.length === 0) return;
      const before = noted.get(source);
      for (const code of notes) if (!before?.has(code)) count(reports, code);
      noted.set(source, new Set([...(before ?? []), ...notes]));
    },
    read: () => ({
      refused: Object.fromEntries(refusals),
      wouldDeny: Object.fromEntries(reports),
    }),
  };
}
