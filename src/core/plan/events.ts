import type { Sliced } from '../base/slices.js';
import { type ClientState, clientStateOf } from './evaluate.js';
import type { ClientRef, Plan } from './plan.js';

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
      /** The issuer that the id belongs to, where it is known. */
      readonly issuer?: string;
      readonly from: ClientState;
      readonly to: ClientState;
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
export type EmitMigration = (event: MigrationEvent) => void;

/**
 * Tells a listener, later than the code that has news; without one, warnings and failures are
 * warnings of the process.
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

/** Beyond this many, the client that has not changed for longest is forgotten. */
const mostClients = 10_000;

/** Notices when the mode of a client changes. */
export interface ClientStates {
  /** A client sent a request, and this is its state. */
  note(client: ClientRef, state: ClientState): void;
  /** Another plan is in force. */
  turn(from: Plan, to: Plan): Sliced<void>;
}

interface Noted {
  readonly client: ClientRef;
  readonly state: ClientState;
}

/** Remembers the clients that came, so that each change of mode is emitted once. */
export function createClientStates(tell: EmitMigration, now: () => number): ClientStates {
  const noted = new Map<string, Noted>();
  /** Clients whose change of mode the turn under way has not reached yet. */
  let turning = new Map<string, Noted | ClientRef>();

  function emit({ id, issuer }: ClientRef, from: ClientState, to: ClientState): void {
    const named = { clientId: id, ...(issuer !== undefined && { issuer }) };
    tell({ time: now(), kind: 'mode', ...named, from, to });
  }

  function note(client: ClientRef, to: ClientState): void {
    const name = nameOf(client);
    const from = noted.get(name)?.state;
    if (from === to) return;
    noted.delete(name);
    noted.set(name, { client, state: to });
    const [oldest] = noted.keys();
    if (noted.size > mostClients && oldest !== undefined) noted.delete(oldest);
    if (from !== undefined && !turning.has(name)) emit(client, from, to);
  }

  return {
    note,
    *turn(from, to) {
      const time = now();
      turning = new Map(noted);
      for (const plan of [from, to]) {
        for (const client of clientsOf(plan)) {
          const name = nameOf(client);
          if (!turning.has(name)) turning.set(name, client);
          yield;
        }
      }
      for (const [name, one] of turning) {
        const { client, state: before } =
          'state' in one ? one : { client: one, state: clientStateOf(from, one, time) };
        const after = clientStateOf(to, client, time);
        if (noted.has(name)) noted.set(name, { client, state: after });
        turning.delete(name);
        if (before !== after) emit(client, before, after);
        yield;
      }
    },
  };
}

const nameOf = ({ id, issuer = '' }: ClientRef): string => `${id}\n${issuer}`;

function* clientsOf({ clients }: Plan): Iterable<ClientRef> {
  for (const [id, rules] of clients) for (const { issuer } of rules) yield { id, issuer };
}
