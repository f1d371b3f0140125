import { withDeadline } from '../base/deadline.js';
import type { Decision } from '../decision.js';
import type { Attempt } from '../events.js';
import type { GuardRequest, OneCredential } from '../extract.js';
import type { EmitMigration } from '../plan/events.js';
import type { Plan } from '../plan/plan.js';
import type { KnownKey } from '../principal.js';
import { createUsageClock } from './clock.js';
import { createCounter, type Ending } from './counter.js';
import { startFlushing } from './flush.js';
import { looksOf } from './looks.js';
import { defaultUsageStore } from './memory.js';
import type { UsageSettings } from './options.js';
import { createOutbox } from './outbox.js';
import { clientsIn } from './overflow.js';
import type { FirstCounts } from './refusals.js';
import { createRefusedKeys } from './refused-keys.js';
import { createRefusedTokens, type RefusedTokens } from './refused-tokens.js';
import type { Usage, UsageStore } from './usage.js';

/** Knows who still uses keys. */
export interface UsageRecorder {
  /** Counts one attempt. Whatever happens, no decision knows of it. */
  count(attempt: Attempt, decision: Decision, fresh: FirstCounts): void;
  /** Counts one that ended in an exception. */
  countError(attempt: Attempt): void;
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
  if (!settings) {
    return { count() {}, countError() {}, read: async () => nothing, close: async () => {} };
  }
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
  const outbox = createOutbox({ counter, clock, flushInterval: every, exclude });
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
    async settle(isLast) {
      await Promise.all([keys.settle(isLast), learner.settle(isLast)]);
    },
  });
  clock.read();
  flusher.start();

  function add(attempt: Attempt, ending: Ending): void {
    try {
      flusher.start();
      counter.add(attempt, ending);
    } catch {
      // A request that cannot be counted has been decided all the same.
    }
  }

  return {
    count: (attempt, decision, { notes }) => add(attempt, { decision, notes }),
    countError: (attempt) => add(attempt, { decision: undefined, notes: [] }),
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

/** Large stores take a while to be read, and none takes for ever. */
const patience = { milliseconds: 12_000 };
const mostUnanswered = 3;
/** Between two times at which a store is asked who its clients are. */
const learnEvery = 600_000;

interface Learning {
  readonly refusals: RefusedTokens;
  readonly stopwatch: () => number;
  readonly minute: () => number | undefined;
}

/** Asks a store for its clients, where refused tokens wait to know whether theirs is one. */
function createLearner(store: UsageStore, { refusals, stopwatch, minute }: Learning) {
  let learnedAt = Number.NEGATIVE_INFINITY;
  let unanswered = 0;

  async function ask<T>(work: () => Promise<T>): Promise<T> {
    if (unanswered >= mostUnanswered) throw new Error('the store does not answer');
    unanswered += 1;
    const answer = (async () => work())();
    const settled = () => {
      unanswered -= 1;
    };
    answer.then(settled, settled);
    return withDeadline(patience, () => answer);
  }

  const read = (): Promise<Usage> => ask(() => store.read());

  function learn(clients: Iterable<{ readonly client: string; readonly issuer: string }>): boolean {
    for (const client of clients) refusals.know(client);
    learnedAt = stopwatch();
    return refusals.conclude();
  }

  return {
    read,
    learn,
    async settle(isLast: boolean): Promise<void> {
      await refusals.settle(minute(), isLast);
      if (!refusals.waits() || Math.abs(stopwatch() - learnedAt) < learnEvery) return;
      try {
        const clients = store.clients ? await ask(async () => store.clients?.()) : undefined;
        learn(clients ?? clientsIn((await read()).rows));
      } catch {
        // It is asked again when it is flushed next; what waits has its own bound.
      }
    },
  };
}
