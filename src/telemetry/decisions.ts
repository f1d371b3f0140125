import type { DecisionEvent } from '../index.js';
import { mistake, oneOf, settingsOf } from './settings.js';

type Attributes = Record<string, string>;

/** What is used of a `Meter` of OpenTelemetry. */
export interface DecisionMeter {
  createCounter(
    name: string,
    options?: { description?: string; unit?: string },
  ): { add(value: number, attributes?: Attributes): void };
  createHistogram(
    name: string,
    options?: {
      description?: string;
      unit?: string;
      advice?: { explicitBucketBoundaries?: number[] };
    },
  ): { record(value: number, attributes?: Attributes): void };
}

/** What is used of a `Span` of OpenTelemetry. */
export interface DecisionSpan {
  isRecording(): boolean;
  setAttributes(attributes: Record<string, string | string[]>): unknown;
}

/** What a span can be told of who asks. */
export type SpanIdentity = 'subject' | 'client' | 'organization' | 'key' | 'token';

/** What is told beside the defaults. */
export interface DecisionTelling {
  /** Clients that are counted by name, 100 at most; all others are `other`. @default none */
  readonly clients?: readonly string[];
  /** Verified identities that a span is told: personal data, often. @default none */
  readonly identities?: readonly SpanIdentity[];
}

/** Where decisions are told at that moment; undefined where nobody listens. */
export interface DecisionSinks {
  meter(): DecisionMeter | undefined;
  span(): DecisionSpan | undefined;
}

const spanNames: Readonly<Record<SpanIdentity, [name: string, of: keyof DecisionEvent]>> = {
  subject: ['user.id', 'subject'],
  client: ['sallyport.client.id', 'clientId'],
  organization: ['sallyport.organization.id', 'orgId'],
  key: ['sallyport.key.id', 'keyId'],
  token: ['sallyport.token.id', 'tokenId'],
};

/** Seconds: from one that is remembered to one that waited for a fetch until its deadline. */
const buckets = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

// RFC 9110 §9.3, and PATCH; anything else a client may write is one value.
const httpMethods = 'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' ');

/** A guard has some fifty reasons. A listener may be called by others. */
const mostReasons = 100;

/** The names of what is told, each with a bounded number of values. */
export function checkTelling(
  where: string,
  given: DecisionTelling & { readonly meter?: DecisionMeter },
) {
  const names = ['meter', 'clients', 'identities'] as const;
  const { meter, clients = [], identities = [] } = settingsOf(where, given, names);
  if (meter && typeof meter.createCounter !== 'function') {
    throw mistake(`${where}.meter`, 'is no meter: give what getMeter of a provider answers');
  }
  if (!Array.isArray(clients) || clients.length > 100) {
    throw mistake(`${where}.clients`, 'is no list of at most 100 clients');
  }
  for (const one of clients) {
    if (typeof one !== 'string' || one === '' || one === 'other' || one === 'none') {
      throw mistake(`${where}.clients`, 'has an entry that is no client: write ids, one per entry');
    }
  }
  if (!Array.isArray(identities)) throw mistake(`${where}.identities`, 'is no list');
  const kinds = Object.keys(spanNames) as SpanIdentity[];
  for (const one of identities) oneOf(`${where}.identities`, one, kinds);
  return { meter, clients: new Set(clients), identities: [...identities] as SpanIdentity[] };
}

/** Tells decisions as metrics, and to the span in which they are made. Never throws. */
export function tellDecisions(
  { clients, identities }: Omit<ReturnType<typeof checkTelling>, 'meter'>,
  sinks: DecisionSinks,
): (event: DecisionEvent) => void {
  const reasons = new Set<string>();
  let instruments: ReturnType<typeof instrumentsOf> | undefined;
  let of: DecisionMeter | undefined;

  function current() {
    const meter = sinks.meter();
    if (meter !== of) {
      of = meter;
      instruments = meter && instrumentsOf(meter);
      if (instruments) beginAtZero(instruments, clients);
    }
    return instruments;
  }

  function bounded(reason: string): string {
    if (reasons.has(reason)) return reason;
    if (reasons.size >= mostReasons || !/^ERR_[A-Z_]{1,60}$/.test(reason)) return 'other';
    reasons.add(reason);
    return reason;
  }

  function measure(event: DecisionEvent): void {
    const { outcome, method, reason, mode, wouldDeny, durationMs, clientId = 'none' } = event;
    const { decisions, duration, wouldBe } = current() ?? {};
    decisions?.add(1, {
      outcome,
      method,
      ...(reason !== undefined && { reason: bounded(reason) }),
      ...(mode !== undefined && { mode }),
      'http.request.method': httpMethods.includes(event.httpMethod) ? event.httpMethod : '_OTHER',
      ...(clients.size > 0 && {
        client: clientId === 'none' || clients.has(clientId) ? clientId : 'other',
      }),
    });
    duration?.record(durationMs / 1000, { outcome, method });
    for (const one of wouldDeny ?? []) wouldBe?.add(1, { reason: bounded(one), method });
  }

  function describe(event: DecisionEvent): void {
    const span = sinks.span();
    if (!span?.isRecording()) return;
    const { outcome, method, reason, mode, cohort, wouldDeny } = event;
    const known = identities.flatMap((one): [string, string][] => {
      const [name, member] = spanNames[one];
      return typeof event[member] === 'string' ? [[name, event[member]]] : [];
    });
    span.setAttributes({
      'sallyport.outcome': outcome,
      'sallyport.method': method,
      ...(reason !== undefined && { 'sallyport.reason': reason }),
      ...(mode !== undefined && { 'sallyport.mode': mode }),
      ...(cohort !== undefined && { 'sallyport.cohort': cohort }),
      ...(wouldDeny && { 'sallyport.would_deny': [...wouldDeny] }),
      ...Object.fromEntries(known),
    });
  }

  const tell = (event: DecisionEvent): void => {
    for (const part of [measure, describe]) {
      try {
        part(event);
      } catch {
        // The trouble of whoever listens there.
      }
    }
  };
  attempt(current);
  return tell;
}

function instrumentsOf(meter: DecisionMeter) {
  return {
    decisions: meter.createCounter('sallyport.decisions', {
      description: 'Decisions of the guard',
      unit: '{decision}',
    }),
    duration: meter.createHistogram('sallyport.decision.duration', {
      description: 'How long the guard took to decide',
      unit: 's',
      advice: { explicitBucketBoundaries: buckets },
    }),
    wouldBe: meter.createCounter('sallyport.would_deny', {
      description: 'Refusals that checks in report mode would have made',
      unit: '{refusal}',
    }),
  };
}

/** So that nothing having happened can be seen. */
function beginAtZero(
  { decisions, wouldBe }: ReturnType<typeof instrumentsOf>,
  clients: ReadonlySet<string>,
): void {
  for (const outcome of ['allow', 'deny', 'error']) {
    for (const method of ['token', 'api-key', 'both', 'none']) {
      decisions.add(0, { outcome, method, ...(clients.size > 0 && { client: 'none' }) });
    }
  }
  for (const client of clients) {
    for (const method of ['token', 'api-key'])
      decisions.add(0, { outcome: 'allow', method, client });
  }
  wouldBe.add(0, {});
}

function attempt(work: () => unknown): void {
  try {
    work();
  } catch {
    // It is tried again with the first decision.
  }
}
