import type { DecisionEvent } from '../index.js';
import { mistake, oneOf, settingsOf, typeName } from './settings.js';

type Attributes = Record<string, string>;

/** The part of OpenTelemetry's `Meter` that is used. */
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

/** The part of OpenTelemetry's `Span` that is used. */
export interface DecisionSpan {
  isRecording(): boolean;
  setAttributes(attributes: Record<string, string | string[]>): unknown;
}

/** A verified identity that can be added to a span. */
export type SpanIdentity = 'subject' | 'client' | 'organization' | 'key' | 'token';

/** What to record in addition to the defaults. */
export interface DecisionOptions {
  /** Client ids to count by name, 100 at most; all others are counted as `other`. @default none */
  readonly clients?: readonly string[];
  /** Verified identities to add to the span, unhashed: often personal data. @default none */
  readonly identities?: readonly SpanIdentity[];
}

/** The current meter and span; `undefined` if no SDK is registered, or no span is active. */
export interface DecisionTargets {
  meter(): DecisionMeter | undefined;
  span(): DecisionSpan | undefined;
}

interface SpanAttribute {
  readonly attribute: string;
  readonly member: keyof DecisionEvent;
}

const spanAttributes: Readonly<Record<SpanIdentity, SpanAttribute>> = {
  subject: { attribute: 'user.id', member: 'subject' },
  client: { attribute: 'sallyport.client.id', member: 'clientId' },
  organization: { attribute: 'sallyport.organization.id', member: 'orgId' },
  key: { attribute: 'sallyport.key.id', member: 'keyId' },
  token: { attribute: 'sallyport.token.id', member: 'tokenId' },
};

/** Bucket boundaries in seconds, from a cached credential to a fetch that takes until its timeout. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

// RFC 9110 §9.3, PATCH and QUERY. Clients can send any method, so all others share one value.
const httpMethods = 'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' ');

/** A limit in case the function is called by other code than a guard, which has about fifty reasons. */
const maxReasons = 100;

/**
 * Checks the options of `otelDecisions`, so that every attribute has a bounded number of values.
 * @throws ConfigError if an option is invalid
 */
export function checkDecisionOptions(
  where: string,
  given: DecisionOptions & { readonly meter?: DecisionMeter },
) {
  const names = ['meter', 'clients', 'identities'] as const;
  const { meter, clients = [], identities = [] } = settingsOf(where, given, names);
  if (meter && typeof meter.createCounter !== 'function') {
    const advice = 'pass what getMeter() of a MeterProvider returns';
    throw mistake(`${where}.meter`, `must be a Meter; got ${typeName(meter)}: ${advice}`);
  }
  if (!Array.isArray(clients) || clients.length > 100) {
    const found = Array.isArray(clients) ? `${clients.length} entries` : typeName(clients);
    throw mistake(`${where}.clients`, `must be an array of at most 100 client ids; got ${found}`);
  }
  for (const one of clients) {
    if (typeof one !== 'string' || one === '') {
      const found = `an entry that is ${typeName(one)}`;
      throw mistake(`${where}.clients`, `must contain client ids as strings; got ${found}`);
    }
    if (one === 'other' || one === 'none') {
      const why = 'which the metrics use for clients that are not listed';
      throw mistake(`${where}.clients`, `must not contain "${one}", ${why}: remove it`);
    }
  }
  if (!Array.isArray(identities)) {
    throw mistake(`${where}.identities`, `must be an array; got ${typeName(identities)}`);
  }
  const kinds = Object.keys(spanAttributes) as SpanIdentity[];
  for (const one of identities) oneOf(`${where}.identities`, one, kinds);
  return { meter, clients: new Set(clients), identities: [...identities] as SpanIdentity[] };
}

/** Returns a function that records decisions as metrics and in the active span. It never throws. */
export function recordDecisions(
  { clients, identities }: Omit<ReturnType<typeof checkDecisionOptions>, 'meter'>,
  targets: DecisionTargets,
): (event: DecisionEvent) => void {
  const reasons = new Set<string>();
  let instruments: ReturnType<typeof createInstruments> | undefined;
  let meterInUse: DecisionMeter | undefined;

  function currentInstruments() {
    const meter = targets.meter();
    if (meter !== meterInUse) {
      meterInUse = meter;
      instruments = meter && createInstruments(meter);
      if (instruments) initializeCounters(instruments, clients);
    }
    return instruments;
  }

  function bounded(reason: string): string {
    if (reasons.has(reason)) return reason;
    if (reasons.size >= maxReasons || !/^ERR_[A-Z_]{1,60}$/.test(reason)) return 'other';
    reasons.add(reason);
    return reason;
  }

  function measure(event: DecisionEvent): void {
    const { outcome, method, reason, mode, wouldDeny, durationMs, clientId = 'none' } = event;
    const { decisions, duration, wouldDeny: rejections } = currentInstruments() ?? {};
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
    for (const one of wouldDeny ?? []) rejections?.add(1, { reason: bounded(one), method });
  }

  function describe(event: DecisionEvent): void {
    const span = targets.span();
    if (!span?.isRecording()) return;
    const { outcome, method, reason, mode, cohort, wouldDeny } = event;
    const identityAttributes: Record<string, string> = {};
    for (const identity of identities) {
      const { attribute, member } = spanAttributes[identity];
      const value = event[member];
      if (typeof value === 'string') identityAttributes[attribute] = value;
    }
    span.setAttributes({
      'sallyport.outcome': outcome,
      'sallyport.method': method,
      ...(reason !== undefined && { 'sallyport.reason': reason }),
      ...(mode !== undefined && { 'sallyport.mode': mode }),
      ...(cohort !== undefined && { 'sallyport.cohort': cohort }),
      ...(wouldDeny && { 'sallyport.would_deny': [...wouldDeny] }),
      ...identityAttributes,
    });
  }

  // At once, so that the counters exist before the first decision.
  ignoreErrors(currentInstruments);
  return (event) => {
    ignoreErrors(() => measure(event));
    ignoreErrors(() => describe(event));
  };
}

function createInstruments(meter: DecisionMeter) {
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
    wouldDeny: meter.createCounter('sallyport.would_deny', {
      description: 'Requests that report-only checks would have rejected',
      unit: '{refusal}',
    }),
  };
}

/** Adds zero to the counters, so that "no requests" can be distinguished from "no data". */
function initializeCounters(
  { decisions, wouldDeny }: ReturnType<typeof createInstruments>,
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
  wouldDeny.add(0, {});
}

function ignoreErrors(work: () => unknown): void {
  try {
    work();
  } catch {
    // An error in the SDK or an exporter must not affect the request.
  }
}
