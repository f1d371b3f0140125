import type { DecisionEvent } from '../index.js';
import { correlationOf, decisionLine, gapLine } from './audit-line.js';
import { createQueue, type QueueBounds } from './audit-queue.js';
import { type AuditStream, type AuditWrite, intoFunction, intoStream } from './audit-sink.js';
import { type IdentifierForms, namingOf } from './identifiers.js';
import { callable, integer, isRate, mistake, settingsOf, someText } from './settings.js';

/** What an audit log may be told beside where its lines go. */
export interface AuditSettings {
  /** At least 32 bytes, under which identifiers are hashed. */
  readonly secret?: string | Uint8Array;
  /** What is told of each kind of identifier: as it is, hashed, or not at all. */
  readonly identifiers?: IdentifierForms;
  /** The name of this service, in every line. */
  readonly service?: string;
  /** What a line is found by elsewhere, such as `requestId`: at most 8 short members. */
  correlate?(event: DecisionEvent): Readonly<Record<string, unknown>> | undefined;
  /**
   * How many of the allowed GET, HEAD and OPTIONS requests are written, from 0 to 1. All else is
   * always written, and so is what a check in report mode would have refused.
   * @default 1
   */
  readonly sample?: number | ((event: DecisionEvent) => number);
  /** What sampling is decided by: from 0 to 1. @default Math.random */
  random?(): number;
  /** How much may wait to be written. @default 10 000 lines, 16 MiB */
  readonly queue?: Partial<QueueBounds>;
  /** The clock, in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** Where lines go, and the rest: a function, or a stream. */
export type AuditOptions = AuditSettings &
  (
    | { readonly write: AuditWrite; readonly stream?: never }
    | { readonly stream: AuditStream; readonly write?: never }
  );

/** How far an audit log is, in lines. */
export interface AuditCounts {
  readonly written: number;
  /** In the queue, and handed over without an answer yet. */
  readonly waiting: number;
  /** There was no room. */
  readonly dropped: number;
  /** They could not be made, or not be written. */
  readonly failed: number;
  /** Left out by `sample`. */
  readonly sampledOut: number;
}

/** Writes a line for each decision; to be given to a guard as its `onDecision`. */
export interface AuditLog {
  (event: DecisionEvent): void;
  /** Resolves when all is written: `true`; or after `timeout` seconds, 5 unless set: `false`. */
  flush(options?: { readonly timeout?: number }): Promise<boolean>;
  /** The same; then drops what is left, and all that comes. The stream stays open. */
  close(options?: { readonly timeout?: number }): Promise<boolean>;
  counts(): AuditCounts;
}

const settings = ['secret', 'identifiers', 'service', 'correlate', 'sample', 'random'] as const;
const names = ['write', 'stream', 'queue', 'now', ...settings] as const;
const safe = ['GET', 'HEAD', 'OPTIONS'];

/**
 * An audit log: one line of JSON for each decision, in the form of `audit.schema.json`. It never
 * makes a request wait or fail, and never grows: what finds no room is dropped, and told of.
 * @throws ConfigError for options that cannot be meant
 */
export function auditLog(options: AuditOptions): AuditLog {
  const where = 'auditLog';
  const given = settingsOf<AuditOptions>(where, options, names);
  // The global ones are looked up at each call, for fake timers and spies.
  const { sample = 1, random = () => Math.random(), correlate, service } = given;
  const { now = () => Date.now() } = given;
  const makeSink = sinkOf(where, given);
  const naming = namingOf(where, given.identifiers ?? {}, given.secret);
  if (service !== undefined) checkService(`${where}.service`, service);
  if (typeof sample !== 'function' && !isRate(sample)) {
    throw mistake(`${where}.sample`, 'is no number from 0 to 1, and no function that answers one');
  }
  for (const name of ['correlate', 'random', 'now'] as const)
    callable(`${where}.${name}`, given[name]);
  // What reads it may stand in the callback of a stream, where nobody would catch it.
  const clock = () => {
    const time = attempt(now);
    return isTime(time) ? time : 0;
  };
  const queue = createQueue(makeSink, {
    bounds: boundsOf(`${where}.queue`, given.queue ?? {}),
    now: clock,
    tellGap: (gap) => gapLine(gap, clock(), service),
  });
  let sampledOut = 0;
  let unmade = 0;

  function rateOf(event: DecisionEvent): number {
    const { outcome, httpMethod, wouldDeny } = event;
    if (outcome !== 'allow' || !safe.includes(httpMethod) || wouldDeny) return 1;
    if (typeof sample === 'number') return sample;
    const rate = attempt(() => sample(event));
    return isRate(rate) ? rate : 1;
  }

  function log(event: DecisionEvent): void {
    try {
      const sampleRate = rateOf(event);
      if (sampleRate < 1 && (attempt(random) as number) >= sampleRate) {
        sampledOut += 1;
        return;
      }
      const correlation =
        correlate && attempt(() => correlationOf(attempt(() => correlate(event))));
      queue.push(decisionLine(event, { service, naming, correlation, sampleRate }));
    } catch {
      unmade += 1;
    }
  }

  return Object.assign(log, {
    flush: (how: { readonly timeout?: number } = {}) => queue.flush(timeoutOf('flush', how)),
    close: (how: { readonly timeout?: number } = {}) => queue.close(timeoutOf('close', how)),
    counts(): AuditCounts {
      const { failed, ...others } = queue.counts();
      return { ...others, failed: failed + unmade, sampledOut };
    },
  });
}

function sinkOf(where: string, { write, stream }: AuditOptions) {
  if ((write === undefined) === (stream === undefined)) {
    throw mistake(where, 'needs to know where lines go: give either write or stream');
  }
  if (stream !== undefined) return intoStream(`${where}.stream`, stream);
  if (typeof write !== 'function') {
    throw mistake(`${where}.write`, 'is no function: give (line) => …, or a stream as stream');
  }
  return intoFunction(write as AuditWrite);
}

function boundsOf(where: string, given: Partial<QueueBounds>): QueueBounds {
  const { lines = 10_000, bytes = 2 ** 24 } = settingsOf(where, given, ['lines', 'bytes']);
  return {
    lines: integer(`${where}.lines`, lines, [1, 1_000_000]),
    bytes: integer(`${where}.bytes`, bytes, [1024, 2 ** 30]),
  };
}

function checkService(where: string, service: unknown): void {
  if (someText(where, service).length > 128) throw mistake(where, 'is longer than 128 characters');
}

function timeoutOf(what: string, given: { readonly timeout?: number }): number {
  const { timeout = 5 } = settingsOf(`auditLog.${what}`, given, ['timeout']);
  if (!(timeout >= 0 && timeout <= 3600)) {
    throw mistake(`auditLog.${what}.timeout`, 'is no number of seconds from 0 to 3600');
  }
  return timeout * 1000;
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= 8.64e15;

/** What a function of the application's answers; undefined if it throws or answers later. */
function attempt<T>(work: () => T): T | undefined {
  try {
    const answer = work();
    if (!(answer instanceof Promise)) return answer;
    answer.catch(() => {});
  } catch {
    // Its own trouble.
  }
  return undefined;
}
