import type { UsageSettings } from '../api-keys.js';
import type { Decision } from '../decision.js';
import type { Attempt } from '../events.js';
import type { TellMigration } from './changes.js';
import { createCounter } from './counter.js';
import { flushUsage } from './flush.js';
import type { Plan } from './plan.js';
import type { Fresh } from './tally.js';
import type { Usage } from './usage.js';
import { memoryUsage } from './usage-memory.js';

/** Knows who still uses keys. */
export interface Attribution {
  /** Counts one attempt. Whatever happens, no decision knows of it. */
  count(attempt: Attempt, decision: Decision, fresh: Fresh): void;
  /** What all instances have counted, this one's latest included. */
  read(): Promise<Usage>;
  close(): Promise<void>;
}

const nothing: Usage = { trackingSince: undefined, rows: [], instances: [] };

/** Counts in memory, and keeps the counts in a store. */
export function attribute(
  settings: UsageSettings | false,
  surroundings: {
    readonly now: () => number;
    readonly plan: () => Plan | undefined;
    readonly tell: TellMigration;
  },
): Attribution {
  if (!settings) return { count() {}, read: async () => nothing, close: async () => {} };
  const { max, exclude, every, store = memoryUsage() } = settings;
  const counter = createCounter({ max, exclude, ...surroundings });
  const polls = settings.store !== undefined;
  const flusher = flushUsage({ store, every, polls, counter, ...surroundings });
  return {
    count(attempt, decision, fresh) {
      try {
        counter.add(attempt, decision, fresh);
      } catch {
        // A request that cannot be counted has been decided all the same.
      }
    },
    async read() {
      await flusher.flush();
      return store.read();
    },
    close: flusher.close,
  };
}
