import { type NodeHeaders, toGuardRequest } from '../adapters/node-request.js';
import {
  type ResponseParts,
  responseParts,
  type WritableResponse,
} from '../adapters/node-response.js';
import { ConfigError, checkRequirements, type Guard, type Requirements } from '../index.js';
import type { MigrationReport } from './analysis/model.js';
import { ownReport } from './analysis/own.js';
import { contentSecurityPolicy } from './page/page.js';
import { jsonOf, pageOf, textOf } from './renderings.js';

/** Who may see a report, and where it comes from. */
export interface ReportPageOptions {
  /**
   * Makes the report. One that is at most `maxAge` old is shown again, and whoever asks meanwhile
   * waits for the same.
   */
  readonly report: () => MigrationReport | Promise<MigrationReport>;
  /** Decides who may see it. */
  readonly guard: Guard;
  /** What the guard asks: of a page about all clients more than a good credential. */
  readonly requirements?: Requirements;
  /**
   * Shows a client what there is about itself and nobody else, as JSON.
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
  /** Its route's template; asked only by who wants to know. */
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
 * Answers requests for the report: HTML, JSON or text, as `Accept` says.
 * @throws ConfigError for options that cannot be meant, and for a guard that asks nothing
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
      // With several issuers, what was counted without one is of none of their clients.
      const isSeveral = (guard.issuers ?? []).length > 1;
      const mine = isSeveral && (found?.issuer ?? '') !== (issuer ?? '') ? undefined : found;
      return mine ? json(200, headers, mine) : json(404, headers, { title: 'Not known yet' });
    }
    return write(await current(), headers, request.header('accept') ?? '');
  };
}

// A key whose record names no issuer belongs to the only one.
const soleOf = (issuers: readonly string[] = []): string | undefined =>
  issuers.length === 1 ? issuers[0] : undefined;

interface Held {
  readonly at: number;
  readonly report: Promise<MigrationReport>;
  /** Seconds. */
  lasts: number;
}

/** Seconds after which one that is still not made is given up for another. */
const longestMaking = 60;
/** Seconds in which nobody tries again, so that a store that is down is not buried. */
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

/** The form with the highest weight, the first of several (RFC 9110 §12.5.1). */
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
    if (!names.includes(name)) throw mistake(`.${name} is not known: use ${names.join(', ')}`);
  }
  const { report, guard, requirements = {}, own = false, maxAge = 60 } = options;
  // The global one is looked up at each call, for fake timers and spies.
  const { now = () => Date.now() } = options;
  if (typeof report !== 'function') throw mistake('.report is no function that makes a report');
  if (typeof guard !== 'function' || typeof guard.usage !== 'function') {
    throw mistake('.guard is no guard: a report is for few eyes. Hand in one made by createGuard');
  }
  // A guard may let in who has no credential: not here.
  const asked = checkRequirements(requirements);
  if (asked.optional) throw mistake('.requirements.optional would show it to everybody');
  // A plan that only reports a check must not open the page of all clients.
  if (asked.enforce === false) {
    throw mistake('.requirements.enforce must not be false: the page always enforces every check');
  }
  const required = checkRequirements({ ...requirements, optional: false, enforce: true });
  const { scopes, anyScope, orgId, check } = required;
  if (typeof own !== 'boolean') throw mistake('.own is neither true nor false');
  if (!own && !(scopes || anyScope || orgId || check)) {
    throw mistake(
      '.requirements ask nothing, so that every client would see the others: ask for a scope, ' +
        "such as { scopes: ['migration:read'] }, or set own, which shows each client itself alone",
    );
  }
  if (!(Number.isFinite(maxAge) && maxAge >= 0 && maxAge <= 3_600)) {
    throw mistake('.maxAge is no number of seconds from 0 to 3600');
  }
  return { report, guard, own, required, maxAge, now };
}

const mistake = (what: string): ConfigError =>
  new ConfigError(`reportPage${what} (see "The page" in docs/report.md of sallyport)`);
