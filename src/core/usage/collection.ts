import { misdated, redateRows } from './redate.js';
import { uncountedRow } from './refusal-rooms.js';
import type { RefusedTokens } from './refused-tokens.js';
import { type RowBuffer, takeRows } from './row-buffer.js';
import { mergeRows, type UsageRow } from './usage.js';

/** Collects the rows of all buffers for the next batch. */
export interface Collection {
  /** Returns everything that was counted since the last time. */
  take(): UsageRow[];
  /** Returns whether anything was counted since the last time. */
  hasRows(): boolean;
  /**
   * Moves the rows to the right days after the clock was set by `by` milliseconds. Returns how many
   * requests stay stored under a wrong date.
   */
  correct(by: number, told: { readonly back: readonly UsageRow[]; readonly wrong: number }): number;
}

interface Sources {
  /** Counts requests whose owner is not known, or for whom there was no room. */
  readonly nobody: RowBuffer;
  readonly holders: { all(): Iterable<RowBuffer> };
  readonly tokens: Pick<RefusedTokens, 'take' | 'correct'>;
  /** Minutes since 1970. */
  readonly minute: () => number | undefined;
}

export function createCollection({ nobody, holders, tokens, minute }: Sources): Collection {
  /** Rows that were collected before they are taken, as when the clock was corrected. */
  let early = new Map<string, UsageRow>();

  function collect(): Map<string, UsageRow> {
    const rows = early;
    early = new Map();
    for (const buffer of [nobody, ...holders.all()]) mergeRows(rows, takeRows(buffer));
    mergeRows(rows, tokens.take());
    return rows;
  }

  return {
    take: () => [...collect().values()],
    hasRows() {
      early = collect();
      return early.size > 0;
    },
    correct(by, { back, wrong }) {
      early = redateRows([...collect().values(), ...back], by);
      tokens.correct(by);
      const now = minute();
      if (wrong === 0 || now === undefined) return 0;
      mergeRows(early, [uncountedRow(misdated, wrong, now)]);
      return wrong;
    },
  };
}
