import type { AuthErrorCode } from '../base/errors.js';
import type { GuardRequest, OneCredential } from '../extract.js';
import type { EmitMigration } from '../plan/events.js';
import type { Plan } from '../plan/plan.js';
import type { KnownKey } from '../principal.js';
import type { CountedAttempt, Outcome } from './attempt.js';
import { createUsageClock } from './clock.js';
import { createCounter } from './counter.js';
import { startFlushing } from './flush.js';
import { createLearner } from './learner.js';
import { looksOf } from './looks.js';
import { defaultUsageStore } from './memory.js';
import type { UsageSettings } from './options.js';
import { createOutbox } from './outbox.js';
import { clientsIn } from './overflow.js';
import { createRefusedKeys } from './refused-keys.js';
import { createRefusedTokens } from './refused-tokens.js';
import type { Usage } from './usage.js';

/** Knows who still uses keys. */
export interface UsageRecorder {
  /**
   * Counts one attempt; `notes` are the report-only checks that it failed, and had not before. Never
   * throws.
   */
  count(attempt: CountedAttempt, outcome: Outcome, notes: readonly AuthErrorCode[]): void;
  /** What all instances have counted, this one's latest included. */
  read(): Promise<Usage>;
  close(): Promise<void>;
}

const nothing: Usage = { trackingSince: undefined, rows: [], instances: [] };

/** Counts in memory, and keeps the counts in a store. */
export function createUsageRecorder(
  settings: UsageSettings | false,
  surroundings: {
    readonly now: () => number;
    readonly stopwatch: () => number;
    readonly plan: () => Plan | undefined;
    readonly tell: EmitMigration;
    readonly isSigned: (token: string) => Promise<boolean>;
    readonly credentialsIn: (request: GuardRequest) => readonly OneCredential[];
    readonly ownerOf: (key: string) => Promise<KnownKey | undefined>;
    readonly soleIssuer: string | undefined;
  },
): UsageRecorder {
  if (!settings) return { count() {}, read: async () => nothing, close: async () => {} };
  const { max, exclude, flushInterval: every, store = defaultUsageStore() } = settings;
  const { plan, tell, isSigned, soleIssuer } = surroundings;
  const clock = createUsageClock(surroundings);
  const isPlanned = (client: string) => plan()?.clients.has(client) ?? false;
  const refusals = createRefusedTokens({ isSigned, isPlanned, soleIssuer });
  const keys = createRefusedKeys(surroundings);
  const counter = createCounter({
    ...{ max, exclude, clock, soleIssuer, keys },
    tokens: refusals,
    looks: looksOf(store),
  });
  function waitsSince(): number | undefined {
    const times = [keys.waitsSince(), refusals.examinesSince()].flatMap((time) => time ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }
  const outbox = createOutbox({ counter, clock, flushInterval: every, exclude, waitsSince });
  const learner = createLearner(store, {
    refusals,
    stopwatch: surroundings.stopwatch,
    minute: clock.minute,
  });
  const polls = settings.store !== undefined;
  const flusher = startFlushing({
    store,
    every,
    polls,
    outbox,
    clock,
    tell,
    learner: {
      ...learner,
      waits: () => keys.waits() || learner.waits(),
      async examine(isLast) {
        await Promise.all([keys.settle(isLast), learner.examine(isLast)]);
      },
    },
  });
  clock.onCorrected(outbox.correct);
  clock.read();
  flusher.start();

  function add(attempt: CountedAttempt, decision: Outcome, notes: readonly AuthErrorCode[]): void {
    try {
      flusher.start();
      counter.add(attempt, { decision, notes });
    } catch {
      // A request that cannot be counted has been decided all the same.
    }
  }

  return {
    count: add,
    async read() {
      await flusher.flush();
      const usage = await learner.read();
      if (!learner.learn(clientsIn(usage.rows))) return usage;
      // Some waited until it was known whose clients they are.
      await flusher.flush();
      return learner.read();
    },
    close: flusher.close,
  };
}
