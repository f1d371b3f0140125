import type { DecisionEvent } from '../index.js';
import type { FormatIdentifier } from './identifiers.js';

/** The name of the format. Members may be added under this name; none is changed or removed. */
export const schema = 'sallyport-audit-1';

/** The line for one decision. Unknown members are omitted. */
export interface AuditDecision {
  readonly schema: typeof schema;
  readonly kind: 'decision';
  /** ISO 8601, UTC, with milliseconds. */
  readonly time: string;
  /** The `service` option. */
  readonly service?: string;
  readonly outcome: DecisionEvent['outcome'];
  readonly status: number;
  /** A code from docs/errors.md. */
  readonly reason?: string;
  /** The codes with which report-only checks would have rejected the request. */
  readonly wouldDeny?: readonly string[];
  readonly httpMethod: string;
  /** The route pattern, never the URL. */
  readonly route?: string;
  readonly method: DecisionEvent['method'];
  readonly subject?: string;
  /** The actors of the token, the current one first (RFC 8693 §4.1). */
  readonly actors?: readonly string[];
  readonly clientId?: string;
  readonly orgId?: string;
  readonly issuer?: string;
  readonly tokenId?: string;
  readonly keyId?: string;
  /** Where the key was: `header`, `scheme`, `bearer` or `query`. */
  readonly keyPlace?: string;
  readonly mode?: string;
  readonly cohort?: string;
  readonly scopes?: readonly string[];
  readonly requiredScopes?: readonly string[];
  readonly missingScopes?: readonly string[];
  /** Claims of a rejected token. Unverified: anyone may have written them. */
  readonly claimed?: { readonly issuer?: string; readonly clientId?: string };
  readonly durationMs: number;
  readonly correlation?: Readonly<Record<string, string | number | boolean>>;
  /** For a sampled line, the rate at which such lines are written, from 0 to 1. */
  readonly sampleRate?: number;
  /** The names of the members that were too long and are truncated. */
  readonly cut?: readonly string[];
}

/** The line for a gap: lines that were dropped because the queue was full, or could not be written. */
export interface AuditGap {
  readonly schema: typeof schema;
  readonly kind: 'dropped';
  readonly time: string;
  readonly service?: string;
  /** How many lines are missing. */
  readonly count: number;
  /** How many of these could not be written. */
  readonly failed: number;
  /** When the first line was lost. ISO 8601. */
  readonly since: string;
  /** When the last line was lost. ISO 8601. */
  readonly until: string;
}

/** A line of an audit log, parsed. */
export type AuditLine = AuditDecision | AuditGap;

/** What a line needs in addition to its event. */
export interface LineContext {
  readonly service: string | undefined;
  readonly formatIdentifier: FormatIdentifier;
  readonly correlation: AuditDecision['correlation'];
  readonly sampleRate: number;
}

/** Maximum lengths: characters of an identifier or route, of other strings, and array entries. */
export const maxLength = { identifier: 256, string: 128, array: 64, actors: 5 } as const;

/** Returns the line for a decision, including its line break. */
export function decisionLine(
  source: DecisionEvent,
  { service, formatIdentifier, correlation, sampleRate }: LineContext,
): string {
  // Without a prototype, so that a polluted Object.prototype cannot add members to a line.
  const event = { __proto__: null, ...source } as DecisionEvent;
  const claimed = event.claimed && { __proto__: null, ...event.claimed };
  const cut = new Set<string>();

  function string(member: string, value: unknown, max: number = maxLength.string) {
    if (typeof value !== 'string') return undefined;
    if (value.length <= max) return wellFormed(value);
    cut.add(member);
    return `${wellFormed(value.slice(0, max - 1))}…`;
  }
  function strings(member: string, value: unknown) {
    if (!Array.isArray(value)) return undefined;
    if (value.length > maxLength.array) cut.add(member);
    return value.slice(0, maxLength.array).map((one) => string(member, one) ?? '');
  }
  function identifier(member: string, kind: Parameters<FormatIdentifier>[0], value: unknown) {
    const formatted = typeof value === 'string' ? formatIdentifier(kind, value) : undefined;
    return string(member, formatted, maxLength.identifier);
  }
  function actors(value: unknown) {
    const all = Array.isArray(value) ? value.map((one) => identifier('actors', 'actors', one)) : [];
    if (all.length > maxLength.actors) cut.add('actors');
    const defined = all.slice(0, maxLength.actors).filter((one) => one !== undefined);
    return defined.length > 0 ? defined : undefined;
  }
  function claims() {
    const issuer = string('claimed', claimed?.issuer);
    const clientId = identifier('claimed', 'client', claimed?.clientId);
    return issuer === undefined && clientId === undefined ? undefined : { issuer, clientId };
  }

  return lineOf({
    schema,
    kind: 'decision',
    time: new Date(event.time).toISOString(),
    service,
    outcome: event.outcome,
    status: event.status,
    reason: string('reason', event.reason),
    wouldDeny: strings('wouldDeny', event.wouldDeny),
    httpMethod: string('httpMethod', event.httpMethod),
    route: string('route', event.route, maxLength.identifier),
    method: event.method,
    subject: identifier('subject', 'subject', event.subject),
    actors: actors(event.actors),
    clientId: identifier('clientId', 'client', event.clientId),
    orgId: identifier('orgId', 'organization', event.orgId),
    issuer: string('issuer', event.issuer, maxLength.identifier),
    tokenId: identifier('tokenId', 'token', event.tokenId),
    keyId: identifier('keyId', 'key', event.keyId),
    keyPlace: string('keyPlace', event.keyPlace),
    mode: event.mode,
    cohort: string('cohort', event.cohort),
    scopes: strings('scopes', event.scopes),
    requiredScopes: strings('requiredScopes', event.requiredScopes),
    missingScopes: strings('missingScopes', event.missingScopes),
    claimed: claims(),
    durationMs: Math.round(Math.min(1e9, Math.max(0, event.durationMs || 0)) * 1000) / 1000,
    correlation,
    sampleRate: sampleRate < 1 ? sampleRate : undefined,
    cut: cut.size > 0 ? [...cut] : undefined,
  });
}

/** Returns the line for a gap. `since`, `until` and `time` are milliseconds since 1970. */
export function gapLine(
  gap: Pick<AuditGap, 'count' | 'failed'> & { readonly since: number; readonly until: number },
  time: number,
  service: string | undefined,
): string {
  return lineOf({
    schema,
    kind: 'dropped',
    time: new Date(time).toISOString(),
    service,
    count: gap.count,
    failed: gap.failed,
    since: new Date(gap.since).toISOString(),
    until: new Date(gap.until).toISOString(),
  });
}

/** Returns at most eight members, with names and values of limited length; omits all others. */
export function correlationOf(given: unknown): AuditDecision['correlation'] {
  if (typeof given !== 'object' || given === null) return undefined;
  const members: [name: string, value: string | number | boolean][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (members.length === 8) break;
    if (!/^[\w.-]{1,64}$/.test(name)) continue;
    if (typeof value === 'string')
      members.push([name, wellFormed(value.slice(0, maxLength.string))]);
    else if (typeof value === 'boolean' || Number.isFinite(value)) members.push([name, value]);
  }
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}

// Not every JSON parser accepts a lone surrogate.
const wellFormed = (value: string): string => value.replace(/\p{Surrogate}/gu, '\ufffd');

/** Characters that JSON.stringify does not escape: controls, line separators, bidirectional controls. */
const unsafe = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const lineOf = (members: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify(members).replace(unsafe, escaped)}\n`;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
