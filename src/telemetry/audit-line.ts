import type { DecisionEvent } from '../index.js';
import type { Naming } from './identifiers.js';

/** What a line calls the form it has. A member may be added under the same name; none changes. */
export const schema = 'sallyport-audit-1';

/** One decision, as a line tells it. Members that are not known are left out. */
export interface AuditDecision {
  readonly schema: typeof schema;
  readonly kind: 'decision';
  /** ISO 8601, UTC, with milliseconds. */
  readonly time: string;
  /** What `service` of the options says. */
  readonly service?: string;
  readonly outcome: DecisionEvent['outcome'];
  readonly status: number;
  /** A code of docs/errors.md. */
  readonly reason?: string;
  /** The codes with which checks in report mode would have refused. */
  readonly wouldDeny?: readonly string[];
  readonly httpMethod: string;
  /** The template, never the URL. */
  readonly route?: string;
  readonly method: DecisionEvent['method'];
  readonly subject?: string;
  /** Who acts for the subject, outermost first (RFC 8693 §4.1). */
  readonly actors?: readonly string[];
  readonly clientId?: string;
  readonly orgId?: string;
  readonly issuer?: string;
  readonly tokenId?: string;
  readonly keyId?: string;
  /** Where the key was: header, scheme, bearer or query. */
  readonly keyPlace?: string;
  readonly mode?: string;
  readonly cohort?: string;
  readonly scopes?: readonly string[];
  readonly requiredScopes?: readonly string[];
  readonly missingScopes?: readonly string[];
  /** What a refused token said of itself: unverified, so anyone may have written it. */
  readonly claimed?: { readonly issuer?: string; readonly clientId?: string };
  readonly durationMs: number;
  readonly correlation?: Readonly<Record<string, string | number | boolean>>;
  /** Of a sampled line: how many of such lines are written, from 0 to 1. */
  readonly sampleRate?: number;
  /** The members that are longer than a line tells. */
  readonly cut?: readonly string[];
}

/** Lines that are missing here: there was no room for them, or they could not be written. */
export interface AuditGap {
  readonly schema: typeof schema;
  readonly kind: 'dropped';
  readonly time: string;
  readonly service?: string;
  /** How many. */
  readonly count: number;
  /** How many of these could not be written. */
  readonly failed: number;
  /** When the first was dropped. ISO 8601. */
  readonly since: string;
  /** When the last was dropped. ISO 8601. */
  readonly until: string;
}

/** What a line of an audit log says. */
export type AuditLine = AuditDecision | AuditGap;

/** What a line says beside its event. */
export interface Telling {
  readonly service: string | undefined;
  readonly naming: Naming;
  readonly correlation: AuditDecision['correlation'];
  readonly sampleRate: number;
}

/** Characters of an identifier or a route; of anything else; and entries of a list. */
export const longest = { identifier: 256, text: 128, list: 64, actors: 5 } as const;

/** The line for a decision, with its end. */
export function decisionLine(
  told: DecisionEvent,
  { service, naming, correlation, sampleRate }: Telling,
): string {
  // Of its own: a line tells nothing that somebody has put into Object.prototype.
  const event = { __proto__: null, ...told } as DecisionEvent;
  const claimed = event.claimed && { __proto__: null, ...event.claimed };
  const cut = new Set<string>();

  function text(member: string, value: unknown, most: number = longest.text): string | undefined {
    if (typeof value !== 'string') return undefined;
    if (value.length <= most) return whole(value);
    cut.add(member);
    return `${whole(value.slice(0, most - 1))}…`;
  }
  function list(member: string, value: unknown, most: number = longest.list) {
    if (!Array.isArray(value)) return undefined;
    if (value.length > most) cut.add(member);
    return value.slice(0, most).map((one) => text(member, one) ?? '');
  }
  function named(member: string, kind: Parameters<Naming>[0], value: unknown) {
    const name = typeof value === 'string' ? naming(kind, value) : undefined;
    return text(member, name, longest.identifier);
  }
  function actors(value: unknown) {
    const all = Array.isArray(value) ? value.map((one) => named('actors', 'actors', one)) : [];
    if (all.length > longest.actors) cut.add('actors');
    const known = all.slice(0, longest.actors).filter((one) => one !== undefined);
    return known.length > 0 ? known : undefined;
  }
  function claims() {
    const issuer = text('claimed', claimed?.issuer);
    const clientId = named('claimed', 'client', claimed?.clientId);
    return issuer === undefined && clientId === undefined ? undefined : { issuer, clientId };
  }

  return lineOf({
    schema,
    kind: 'decision',
    time: new Date(event.time).toISOString(),
    service,
    outcome: event.outcome,
    status: event.status,
    reason: text('reason', event.reason),
    wouldDeny: list('wouldDeny', event.wouldDeny),
    httpMethod: text('httpMethod', event.httpMethod),
    route: text('route', event.route, longest.identifier),
    method: event.method,
    subject: named('subject', 'subject', event.subject),
    actors: actors(event.actors),
    clientId: named('clientId', 'client', event.clientId),
    orgId: named('orgId', 'organization', event.orgId),
    issuer: text('issuer', event.issuer, longest.identifier),
    tokenId: named('tokenId', 'token', event.tokenId),
    keyId: named('keyId', 'key', event.keyId),
    keyPlace: text('keyPlace', event.keyPlace),
    mode: event.mode,
    cohort: text('cohort', event.cohort),
    scopes: list('scopes', event.scopes),
    requiredScopes: list('requiredScopes', event.requiredScopes),
    missingScopes: list('missingScopes', event.missingScopes),
    claimed: claims(),
    durationMs: Math.round(Math.min(1e9, Math.max(0, event.durationMs || 0)) * 1000) / 1000,
    correlation,
    sampleRate: sampleRate < 1 ? sampleRate : undefined,
    cut: cut.size > 0 ? [...cut] : undefined,
  });
}

/** The line that says how many are missing before it. */
export function gapLine(
  gap: Pick<AuditGap, 'count' | 'failed'> & { readonly since: number; readonly until: number },
  time: number,
  service: string | undefined,
): string {
  const [now, since, until] = [time, gap.since, gap.until].map((one) =>
    new Date(one).toISOString(),
  );
  const { count, failed } = gap;
  return lineOf({ schema, kind: 'dropped', time: now, service, count, failed, since, until });
}

/** At most eight members, each with a short plain name and a short plain value. */
export function correlationOf(given: unknown): AuditDecision['correlation'] {
  if (typeof given !== 'object' || given === null) return undefined;
  const members: [name: string, value: string | number | boolean][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (members.length === 8) break;
    if (!/^[\w.-]{1,64}$/.test(name)) continue;
    if (typeof value === 'string') members.push([name, whole(value.slice(0, longest.text))]);
    else if (typeof value === 'boolean' || Number.isFinite(value)) members.push([name, value]);
  }
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}

// Half of a pair is no character, and not every reader of JSON takes one.
const whole = (value: string): string => value.replace(/\p{Surrogate}/gu, '\ufffd');

/** What JSON leaves as it is, and what ends a line, or turns its reading round, elsewhere. */
const unsafe = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const lineOf = (members: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify(members).replace(unsafe, escaped)}\n`;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
