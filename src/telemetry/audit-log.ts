import type { DecisionEvent } from '../index.js';
import { correlationOf, decisionLine, gapLine } from './audit-line.js';
import { createQueue, type QueueBounds } from './audit-queue.js';
import { type AuditStream, type AuditWrite, intoFunction, intoStream } from './audit-sink.js';
import { type IdentifierForms, identifierFormatter } from './identifiers.js';
import {
  callable,
  integer,
  isRate,
  mistake,
  otherType,
  settingsOf,
  someText,
  typeName,
} from './settings.js';

/** Options of an audit log, except for where it writes. */
export interface AuditSettings {
  /** The key for hashed identifiers: at least 32 bytes. */
  readonly secret?: string | Uint8Array;
  /** How to log each kind of identifier: `raw`, `hash` or `omit`. */
  readonly identifiers?: IdentifierForms;
  /** The name of this service, written to every line. At most 128 characters. */
  readonly service?: string;
  /** Returns ids that connect a line with other logs, such as `requestId`: at most 8 members. */
  correlate?(event: DecisionEvent): Readonly<Record<string, unknown>> | undefined;
  /**
   * The share of allowed GET, HEAD and OPTIONS requests to write, from 0 to 1. All other requests,
   * and those that a report-only check would have rejected, are always written.
   * @default 1
   */
  readonly sample?: number | ((event: DecisionEvent) => number);
  /** Returns a random number from 0 to 1, used for sampling. @default Math.random */
  random?(): number;
  /** The maximum size of the queue. @default 10 000 lines, 16 MiB */
  readonly queue?: Partial<QueueBounds>;
  /** The clock, in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** Options of {@link auditLog}: either `write` or `stream`, and {@link AuditSettings}. */
export type AuditOptions = AuditSettings &
  (
    | { readonly write: AuditWrite; readonly stream?: never }
    | { readonly stream: AuditStream; readonly write?: never }
  );

/** The counters of an audit log, in lines. */
export interface AuditCounts {
  readonly written: number;
  /** In the queue, or being written. */
  readonly waiting: number;
  /** Dropped because the queue was full. */
  readonly dropped: number;
  /** Could not be created or written. */
  readonly failed: number;
  /** Not written because of `sample`. */
  readonly sampledOut: number;
}

/** Writes a line for each decision. Pass it to a guard as `onDecision`. */
export interface AuditLog {
  (event: DecisionEvent): void;
  /** Resolves to `true` when all lines are written, or to `false` after `timeout` seconds (5). */
  flush(options?: { readonly timeout?: number }): Promise<boolean>;
  /** Flushes, then drops the remaining and all later lines. Does not close the stream. */
  close(options?: { readonly timeout?: number }): Promise<boolean>;
  /** Returns how many lines were written, are waiting or were lost. */
  counts(): AuditCounts;
}

const names = [
  'write',
  'stream',
  'secret',
  'identifiers',
  'service',
  'correlate',
  'sample',
  'random',
  'queue',
  'now',
] as const;
const sampledMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Creates an audit log: one JSON line per decision, as `audit.schema.json` describes. It never
 * delays or fails a request, and its queue is bounded: lines beyond it are dropped and counted.
 * @throws ConfigError if an option is invalid
 */
export function auditLog(options: AuditOptions): AuditLog {
  const where = 'auditLog';
  const given = settingsOf<AuditOptions>(where, options, names);
  // Date.now and Math.random are read on each call, so that fake timers and spies take effect.
  const { sample = 1, random = () => Math.random(), correlate, service } = given;
  const { now = () => Date.now() } = given;
  const makeSink = sinkOf(where, given);
  const formatIdentifier = identifierFormatter(where, given.identifiers ?? {}, given.secret);
  if (service !== undefined) checkService(`${where}.service`, service);
  if (typeof sample !== 'function') checkRate(`${where}.sample`, sample);
  for (const name of ['correlate', 'random', 'now'] as const)
    callable(`${where}.${name}`, given[name]);
  // Must not throw: it is also called in callbacks of the stream, where nothing would catch it.
  const clock = () => {
    const time = resultOf(now);
    return isTime(time) ? time : 0;
  };
  const queue = createQueue(makeSink, {
    bounds: boundsOf(`${where}.queue`, given.queue ?? {}),
    now: clock,
    gapLine: (gap) => gapLine(gap, clock(), service),
  });
  let sampledOut = 0;
  let notCreated = 0;

  function rateOf(event: DecisionEvent): number {
    const { outcome, httpMethod, wouldDeny } = event;
    if (outcome !== 'allow' || !sampledMethods.includes(httpMethod) || wouldDeny) return 1;
    if (typeof sample === 'number') return sample;
    const rate = resultOf(() => sample(event));
    return isRate(rate) ? rate : 1;
  }

  function log(event: DecisionEvent): void {
    try {
      const sampleRate = rateOf(event);
      if (sampleRate < 1 && (resultOf(random) as number) >= sampleRate) {
        sampledOut += 1;
        return;
      }
      const correlation =
        correlate && resultOf(() => correlationOf(resultOf(() => correlate(event))));
      queue.push(decisionLine(event, { service, formatIdentifier, correlation, sampleRate }));
    } catch {
      notCreated += 1;
    }
  }

  return Object.assign(log, {
    flush: (given: { readonly timeout?: number } = {}) => queue.flush(timeoutOf('flush', given)),
    close: (given: { readonly timeout?: number } = {}) => queue.close(timeoutOf('close', given)),
    counts(): AuditCounts {
      const { failed, ...others } = queue.counts();
      return { ...others, failed: failed + notCreated, sampledOut };
    },
  });
}

function sinkOf(where: string, { write, stream }: AuditOptions) {
  if ((write === undefined) === (stream === undefined)) {
    const found = write === undefined ? 'neither' : 'both';
    throw mistake(where, `must have either write or stream; got ${found}`);
  }
  if (stream !== undefined) return intoStream(`${where}.stream`, stream);
  if (typeof write !== 'function') {
    const advice = 'pass (line) => …, or pass a stream as stream';
    throw mistake(`${where}.write`, `must be a function; got ${typeName(write)}: ${advice}`);
  }
  return intoFunction(write as AuditWrite);
}

function boundsOf(where: string, given: Partial<QueueBounds>): QueueBounds {
  const { lines = 10_000, bytes = 2 ** 24 } = settingsOf(where, given, ['lines', 'bytes']);
  return {
    lines: integer(`${where}.lines`, lines, { min: 1, max: 1_000_000 }),
    bytes: integer(`${where}.bytes`, bytes, { min: 1024, max: 2 ** 30 }),
  };
}

function checkService(where: string, service: unknown): void {
  const { length } = someText(where, service);
  if (length > 128) throw mistake(where, `must have at most 128 characters; got ${length}`);
}

function checkRate(where: string, rate: unknown): void {
  if (isRate(rate)) return;
  const wanted = 'must be a number from 0 to 1, or a function that returns one';
  throw mistake(where, `${wanted}; got ${otherType(rate)}`);
}

function timeoutOf(what: string, given: { readonly timeout?: number }): number {
  const { timeout = 5 } = settingsOf(`auditLog.${what}`, given, ['timeout']);
  if (timeout >= 0 && timeout <= 3600) return timeout * 1000;
  const wanted = 'must be a number of seconds from 0 to 3600';
  throw mistake(`auditLog.${what}.timeout`, `${wanted}; got ${otherType(timeout)}`);
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= 8.64e15;

/** Returns what a user's function returns, or `undefined` if it throws or returns a promise. */
function resultOf<T>(call: () => T): T | undefined {
  try {
    const result = call();
    if (!(result instanceof Promise)) return result;
    result.catch(() => {});
  } catch {
    // An error in a user's function must not affect the request; the line is written without it.
  }
  return undefined;
}
