import { ConfigError } from './base/errors.js';
import { bare } from './base/json.js';
import { callable, flag, isScope, listOf, mistake, oneOf, settingsOf } from './base/validate.js';
import type { GuardRequest } from './extract.js';
import { modes, type SharedMode } from './plan/plan.js';
import type { Principal } from './principal.js';

type OrganizationId = string | undefined;

/** What a route asks of a caller beyond a good credential. Everything given has to hold. */
export interface Requirements {
  /** All of these. */
  readonly scopes?: readonly string[];
  /** At least one of these; a challenge names the first. */
  readonly anyScope?: readonly string[];
  /**
   * The organization that the caller must belong to, or a function that finds it for a request. If it
   * returns or resolves to anything but a non-empty string, the request is refused: 403. If it throws
   * or rejects, the error reaches the framework's error handler.
   */
  readonly orgId?: string | ((request: GuardRequest) => OrganizationId | Promise<OrganizationId>);
  /**
   * The application's own condition: passes on exactly `true`. An exception reaches the
   * framework's error handler.
   */
  check?(principal: Principal, request: GuardRequest): boolean | Promise<boolean>;
  /**
   * No credential may pass; a bad one never does. Wins over the guard's own `optional`. With any
   * other requirement beside it, no credential is 401 all the same.
   */
  readonly optional?: boolean;
  /**
   * How far every client has to be here, whatever the plan says: with `token-only` no key is
   * accepted. It can make the plan stricter, never laxer.
   */
  readonly mode?: SharedMode;
  /**
   * Enforces every check on this route, whatever the plan only reports (`checks`, `tokenChecks`).
   * @default false
   */
  readonly enforce?: boolean;
  /**
   * The template of the route, such as `/orders/:id`, for events and for counts of who still uses
   * keys. Express and Fastify know it of a route, and not of a router or of a hook of all routes.
   */
  readonly routeTemplate?: string;
}

const names = [
  'scopes',
  'anyScope',
  'orgId',
  'check',
  'optional',
  'mode',
  'enforce',
  'routeTemplate',
] as const;
const sharedModes = modes.filter((mode): mode is SharedMode => mode !== 'extension');
const none: Requirements = Object.freeze(bare({}));
const checked = new WeakSet<Requirements>([none]);

/**
 * Checks requirements once, so that a route's mistake shows when it is mounted and not when it is
 * called. An adapter calls this where its user writes the requirements, with all that it was called
 * with, and hands on what it answers.
 * @throws ConfigError for a name that is not known, a value of the wrong kind, an empty list, and
 * a name that is present but `undefined`; and for being mounted in the place of its result
 */
export function checkRequirements(
  requirements: Requirements = none,
  ...mounted: readonly unknown[]
): Requirements {
  if (mounted.length > 0) {
    throw new ConfigError('requireToken was mounted without being called: write requireToken()');
  }
  if (checked.has(requirements)) return requirements;
  const where = 'requirements';
  const own: Requirements = settingsOf(where, requirements, names);
  const { scopes, anyScope, orgId, check, optional, mode, enforce, routeTemplate } = own;
  const copy: Requirements = bare({
    ...(scopes !== undefined && { scopes: listOf(`${where}.scopes`, scopes, 'scope', isScope) }),
    ...(anyScope !== undefined && {
      anyScope: listOf(`${where}.anyScope`, anyScope, 'scope', isScope),
    }),
    ...(orgId !== undefined && { orgId: organization(`${where}.orgId`, orgId) }),
    ...(check !== undefined && { check: callable(`${where}.check`, check) }),
    ...(optional !== undefined && { optional: flag(`${where}.optional`, optional) }),
    ...(mode !== undefined && { mode: oneOf(`${where}.mode`, mode, sharedModes) }),
    ...(enforce !== undefined && { enforce: flag(`${where}.enforce`, enforce) }),
    ...(routeTemplate !== undefined && {
      routeTemplate: checkTemplate(`${where}.routeTemplate`, routeTemplate),
    }),
  });
  Object.freeze(copy);
  checked.add(copy);
  return copy;
}

function organization(where: string, orgId: unknown): NonNullable<Requirements['orgId']> {
  if (typeof orgId === 'function' || (typeof orgId === 'string' && orgId !== '')) {
    return orgId as NonNullable<Requirements['orgId']>;
  }
  throw mistake(where, orgId, 'is no organization: give its id, or a function of the request');
}

function checkTemplate(where: string, template: unknown): string {
  if (typeof template === 'string' && /^\/[!->@-~]{0,127}$/.test(template)) return template;
  throw mistake(where, template, 'is no template of a route: write one such as "/orders/:id"');
}

/** Tells whether a request without a credential may pass. */
export function passesWithout(requirements: Requirements, optional: boolean): boolean {
  const { optional: own = optional, scopes, anyScope, orgId, check, mode, enforce } = requirements;
  return own && !(scopes || anyScope || orgId || check || mode || enforce);
}

/** The scopes that a client is told to ask for (RFC 6750 §3). */
export function neededScopes(requirements: Requirements): readonly string[] {
  const first = requirements.anyScope?.[0];
  return [...new Set([...(requirements.scopes ?? []), ...(first === undefined ? [] : [first])])];
}
