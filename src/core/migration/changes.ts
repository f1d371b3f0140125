import type { Plan } from './plan.js';
import { type Standing, standingOf } from './stance.js';

/** What happens to a migration, for its operators. No key, and nothing of a request. */
export type MigrationEvent = { /** Milliseconds since 1970. */ readonly time: number } & (
  | {
      /** A plan came into force. */
      readonly kind: 'plan';
      /** What it says otherwise than the one before, by the names of its members. */
      readonly changed: readonly string[];
    }
  | {
      /** A client's mode changed: by a new plan, or, told when it next comes, by a date. */
      readonly kind: 'mode';
      readonly clientId: string;
      readonly from: Standing;
      readonly to: Standing;
    }
  | {
      /** A plan could not be loaded, or is none: the last good one stays in force. */
      readonly kind: 'plan-failed';
      readonly detail: string;
    }
  | {
      /** Counts of usage could not be kept yet, or, when the guard is closed, at all. */
      readonly kind: 'usage-failed';
      readonly detail: string;
    }
  | {
      /** Something in the plan that may not be meant, or is over. */
      readonly kind: 'warning';
      readonly detail: string;
    }
);

/** Tells operators; nothing they do matters to a request. */
export type TellMigration = (event: MigrationEvent) => void;

/**
 * Tells a listener, later than the code that has news; without one, warnings and failures are
 * warnings of the process.
 */
export function createMigrationTeller(listener: TellMigration | undefined): TellMigration {
  return (event) => {
    Promise.resolve(event)
      .then(listener ?? warnProcess)
      .catch(() => {});
  };
}

function warnProcess(event: MigrationEvent): void {
  if (!('detail' in event)) return;
  globalThis.process?.emitWarning?.(event.detail, { type: 'SallyportWarning' });
}

/** Beyond this many, the client that has not changed for longest is forgotten. */
const mostClients = 10_000;

/** Notices when the mode of a client changes. */
export interface Ledger {
  /** A client has come, and this is where it stands. */
  note(clientId: string, standing: Standing): void;
  /** Another plan is in force. */
  turn(from: Plan, to: Plan): void;
}

/** Remembers the clients that came, so that each change of mode is told once. */
export function createLedger(tell: TellMigration, now: () => number): Ledger {
  const seen = new Map<string, Standing>();

  function note(clientId: string, to: Standing): void {
    const from = seen.get(clientId);
    if (from === to) return;
    seen.delete(clientId);
    seen.set(clientId, to);
    const [oldest] = seen.keys();
    if (seen.size > mostClients && oldest !== undefined) seen.delete(oldest);
    if (from !== undefined) tell({ time: now(), kind: 'mode', clientId, from, to });
  }

  return {
    note,
    turn(from, to) {
      const time = now();
      for (const clientId of new Set([
        ...seen.keys(),
        ...from.clients.keys(),
        ...to.clients.keys(),
      ])) {
        const before = seen.get(clientId) ?? standingOf(from, clientId, time);
        const after = standingOf(to, clientId, time);
        if (seen.has(clientId)) seen.set(clientId, after);
        if (before !== after) tell({ time, kind: 'mode', clientId, from: before, to: after });
      }
    },
  };
}
