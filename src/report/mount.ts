import { type NodeHeaders, toGuardRequest } from '../adapters/node-request.js';
import {
  type ResponseParts,
  responseParts,
  type WritableResponse,
} from '../adapters/node-response.js';
import { ConfigError, checkRequirements, type Guard, type Requirements } from '../index.js';
import { otherType, typeName } from '../stores/settings.js';
import type { MigrationReport } from './analysis/model.js';
import { ownReport } from './analysis/own.js';
import { contentSecurityPolicy } from './page/page.js';
import { jsonOf, pageOf, textOf } from './renderings.js';

/** Options of the report page: who may see it, and how the report is generated. */
export interface ReportPageOptions {
  /**
   * Generates the report. A report that is at most `maxAge` old is reused, and concurrent requests
   * share one call.
   */
  readonly report: () => MigrationReport | Promise<MigrationReport>;
  /** Decides who may see it. */
  readonly guard: Guard;
  /** The requirements of the guard. They must not be empty, unless `own` is true. */
  readonly requirements?: Requirements;
  /**
   * Returns to each client only its own entry, as JSON.
   * @default false
   */
  readonly own?: boolean;
  /** Seconds. @default 60 */
  readonly maxAge?: number;
  /** The clock, in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** As much of a framework's request as the page needs. */
export interface PageRequest {
  readonly method?: string | undefined;
  readonly originalUrl?: string | undefined;
  readonly url?: string | undefined;
  readonly headers?: NodeHeaders | undefined;
  readonly rawHeaders?: readonly string[] | undefined;
  readonly params?: unknown;
  readonly body?: unknown;
  /** The template of its route; computed only if it is needed. */
  routeTemplate?(): string | undefined;
}

/** A handler of Express, and of Fastify. */
export interface ReportPage {
  (
    request: ExpressPageRequest,
    response: PageResponse,
    next: (error?: unknown) => void,
  ): Promise<void>;
  (request: FastifyPageRequest, reply: FastifyPageReply): Promise<void>;
}

/** As much of Express's request as the page needs. */
export interface ExpressPageRequest extends PageRequest {
  readonly baseUrl?: string;
  readonly route?: { readonly path: unknown };
}

/** As much of Express's response as the page needs. */
export interface PageResponse extends WritableResponse {}

/** As much of Fastify's request as the page needs. */
export interface FastifyPageRequest extends Omit<PageRequest, 'rawHeaders'> {
  readonly raw: { readonly rawHeaders?: readonly string[] | undefined };
  readonly routeOptions?: { readonly url?: string | undefined };
}

/** As much of Fastify's reply as the page needs. */
export interface FastifyPageReply {
  readonly sent: boolean;
  getHeader(name: string): unknown;
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: string): unknown;
}

const names = ['report', 'guard', 'requirements', 'own', 'maxAge', 'now'];
const securing = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

/**
 * Returns a function that responds to requests for the report with HTML, JSON or text, depending on
 * `Accept`.
 * @throws ConfigError for invalid options, and for empty requirements
 */
export function answerReports(
  options: ReportPageOptions,
): (asked: PageRequest, source: object) => Promise<ResponseParts> {
  const { report, guard, own, required, maxAge, now } = checkOptions(options);
  let held: Held | undefined;

  function current(): Promise<MigrationReport> {
    const age = held ? now() - held.at : -1;
    if (held && age >= 0 && age < held.lasts * 1000) return held.report;
    const lasts = Math.max(maxAge, longestMaking);
    const made: Held = { at: now(), report: (async () => report())(), lasts };
    held = made;
    made.report.then(
      () => {
        made.lasts = maxAge;
      },
      () => {
        made.lasts = Math.min(maxAge, failureLasts);
      },
    );
    return made.report;
  }

  return async function answer(asked, source) {
    const { method = 'GET', headers: sent, rawHeaders, params, body, routeTemplate } = asked;
    const url = asked.originalUrl ?? asked.url;
    const route = () => routeTemplate?.();
    const nodeRequest = { source, method, url, headers: sent, rawHeaders, params, body, route };
    const request = toGuardRequest(nodeRequest);
    const decision = await guard(request, required);
    if (!decision.allowed) return responseParts(decision.denial);
    const headers = { ...decision.headers, ...securing };
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 405, headers: { ...headers, Allow: 'GET, HEAD' }, body: '' };
    }
    if (own) {
      const { clientId, key, issuer = soleOf(guard.issuers) } = decision.principal ?? {};
      const client = clientId ?? key?.id;
      const found = client === undefined ? undefined : ownReport(await current(), client, issuer);
      // With several issuers, counts without an issuer belong to none of their clients.
      const isSeveral = (guard.issuers ?? []).length > 1;
      const mine = isSeveral && (found?.issuer ?? '') !== (issuer ?? '') ? undefined : found;
      return mine ? json(200, headers, mine) : json(404, headers, { title: 'Not known yet' });
    }
    return write(await current(), headers, request.header('accept') ?? '');
  };
}

// A key whose record has no issuer belongs to the only issuer of the guard.
const soleOf = (issuers: readonly string[] = []): string | undefined =>
  issuers.length === 1 ? issuers[0] : undefined;

interface Held {
  readonly at: number;
  readonly report: Promise<MigrationReport>;
  /** Seconds. */
  lasts: number;
}

/** Seconds after which a report that is not generated yet is given up, and the next request starts another. */
const longestMaking = 60;
/** Seconds until the next attempt after a failure, so that an unavailable store is not flooded. */
const failureLasts = 5;

async function write(
  report: MigrationReport,
  headers: Readonly<Record<string, string>>,
  accept: string,
): Promise<ResponseParts> {
  const wanted = wantedBy(accept.toLowerCase());
  const varied = { ...headers, Vary: 'Accept, Authorization' };
  if (wanted === 'application/json') return { ...json(200, varied), body: jsonOf(report) };
  if (wanted === 'text/plain') {
    const type = 'text/plain; charset=utf-8';
    return { status: 200, headers: { ...varied, 'Content-Type': type }, body: textOf(report) };
  }
  const more = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': contentSecurityPolicy,
    'X-Frame-Options': 'DENY',
  };
  return { status: 200, headers: { ...varied, ...more }, body: await pageOf(report) };
}

const forms = ['text/html', 'application/json', 'text/plain'];

/** Returns the media type with the highest weight, or the first of several (RFC 9110 §12.5.1). */
function wantedBy(accept: string): string | undefined {
  let wanted: string | undefined;
  let most = 0;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const written = parameters.find((one) => one.startsWith('q='))?.slice(2) ?? '1';
    const weight = Number(written);
    if (forms.includes(type) && weight > most) [wanted, most] = [type, weight];
  }
  return wanted;
}

const json = (
  status: number,
  headers: Readonly<Record<string, string>>,
  body?: object,
): ResponseParts => ({
  status,
  headers: { ...headers, 'Content-Type': 'application/json; charset=utf-8' },
  body: body ? JSON.stringify(body) : '',
});

function checkOptions(options: ReportPageOptions) {
  for (const name of Object.keys(Object(options))) {
    if (!names.includes(name))
      throw mistake(`.${name} is not a known option: use ${names.join(', ')}`);
  }
  const { report, guard, requirements = {}, own = false, maxAge = 60 } = options;
  // Date.now is looked up at each call, so that fake timers and spies work.
  const { now = () => Date.now() } = options;
  if (typeof report !== 'function')
    throw mistake(`.report must be a function that returns a report; got ${typeName(report)}`);
  if (typeof guard !== 'function' || typeof guard.usage !== 'function') {
    throw mistake(`.guard must be a guard created by createGuard; got ${otherType(guard)}`);
  }
  // A guard may allow requests without a credential, but never for this page.
  const asked = checkRequirements(requirements);
  if (asked.optional)
    throw mistake('.requirements.optional must not be true: the page would be public');
  // A report-only check must not make the page of all clients accessible.
  if (asked.enforce === false) {
    throw mistake('.requirements.enforce must not be false: the page always enforces every check');
  }
  const required = checkRequirements({ ...requirements, optional: false, enforce: true });
  const { scopes, anyScope, orgId, check } = required;
  if (typeof own !== 'boolean') throw mistake(`.own must be true or false; got ${typeName(own)}`);
  if (!own && !(scopes || anyScope || orgId || check)) {
    throw mistake(
      '.requirements must not be empty, because any client could see all others. Require a scope, ' +
        "such as { scopes: ['migration:read'] }; or set own: true, to show each client only its own status",
    );
  }
  if (!(Number.isFinite(maxAge) && maxAge >= 0 && maxAge <= 3_600)) {
    throw mistake(`.maxAge must be a number of seconds from 0 to 3600; got ${otherType(maxAge)}`);
  }
  return { report, guard, own, required, maxAge, now };
}

const mistake = (what: string): ConfigError =>
  new ConfigError(`reportPage${what}. See "The page" in docs/report.md of sallyport.`);
