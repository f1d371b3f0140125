import type { Sliced } from '../base/slices.js';
import { type ClientState, clientStateOf } from './evaluate.js';
import type { ClientRef, Plan } from './plan.js';

/** An event of the migration, for operators. Contains no credential and no data of a request. */
export type MigrationEvent = { /** Milliseconds since 1970. */ readonly time: number } & (
  | {
      /** A plan came into force. */
      readonly kind: 'plan';
      /** The names of the members that differ from the previous plan. */
      readonly changed: readonly string[];
    }
  | {
      /**
       * A client's mode changed. If a new plan changed it, the event is emitted at once; if a date passed,
       * with the client's next request.
       */
      readonly kind: 'mode';
      readonly clientId: string;
      /** The issuer of the client id, if known. */
      readonly issuer?: string;
      readonly from: ClientState;
      readonly to: ClientState;
    }
  | {
      /** A plan could not be loaded or is invalid. The last valid plan stays in force. */
      readonly kind: 'plan-failed';
      readonly detail: string;
    }
  | {
      /** Usage counts could not be saved yet, or were lost when the guard was closed. */
      readonly kind: 'usage-failed';
      readonly detail: string;
    }
  | {
      /** Something in the plan is probably not intended, or no longer needed. */
      readonly kind: 'warning';
      readonly detail: string;
    }
);

/** Emits an event. Never throws: a listener cannot affect a request. */
export type EmitMigration = (event: MigrationEvent) => void;

/**
 * Returns a function that calls the listener asynchronously, and ignores what it throws. Without a
 * listener, warnings and failures go to `process.emitWarning`.
 */
export function createMigrationEmitter(listener: EmitMigration | undefined): EmitMigration {
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

/** Beyond this number, the client whose state has not changed for the longest time is removed. */
const mostClients = 10_000;

/** Detects changes of a client's state. */
export interface ClientStates {
  /** Records the state of a client that sent a request. */
  note(client: ClientRef, state: ClientState): void;
  /** Emits the changes of state between two plans. */
  turn(from: Plan, to: Plan): Sliced<void>;
}

interface Noted {
  readonly client: ClientRef;
  readonly state: ClientState;
}

/** Stores the last state of each client, so that each change is emitted once. */
export function createClientStates(emit: EmitMigration, now: () => number): ClientStates {
  const noted = new Map<string, Noted>();
  /** Clients that a running `turn` has not reached yet. */
  let pending = new Map<string, Noted | ClientRef>();

  function emitChange({ id, issuer }: ClientRef, from: ClientState, to: ClientState): void {
    const named = { clientId: id, ...(issuer !== undefined && { issuer }) };
    emit({ time: now(), kind: 'mode', ...named, from, to });
  }

  function note(client: ClientRef, to: ClientState): void {
    const name = nameOf(client);
    const from = noted.get(name)?.state;
    if (from === to) return;
    noted.delete(name);
    noted.set(name, { client, state: to });
    const [oldest] = noted.keys();
    if (noted.size > mostClients && oldest !== undefined) noted.delete(oldest);
    if (from !== undefined && !pending.has(name)) emitChange(client, from, to);
  }

  return {
    note,
    *turn(from, to) {
      const time = now();
      pending = new Map(noted);
      for (const plan of [from, to]) {
        for (const client of clientsOf(plan)) {
          const name = nameOf(client);
          if (!pending.has(name)) pending.set(name, client);
          yield;
        }
      }
      for (const [name, one] of pending) {
        const { client, state: before } =
          'state' in one ? one : { client: one, state: clientStateOf(from, one, time) };
        const after = clientStateOf(to, client, time);
        if (noted.has(name)) noted.set(name, { client, state: after });
        pending.delete(name);
        if (before !== after) emitChange(client, before, after);
        yield;
      }
    },
  };
}

const nameOf = ({ id, issuer = '' }: ClientRef): string => `${id}\n${issuer}`;

function* clientsOf({ clients }: Plan): Iterable<ClientRef> {
  for (const [id, rules] of clients) for (const { issuer } of rules) yield { id, issuer };
}
