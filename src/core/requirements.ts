import { ConfigError } from './base/errors.js';
import { bare } from './base/json.js';
import { callable, flag, invalid, listOf, oneOf, scopeItems, settingsOf } from './base/validate.js';
import type { GuardRequest } from './extract.js';
import { modes, type SharedMode } from './plan/plan.js';
import type { Principal } from './principal.js';

type OrganizationId = string | undefined;

/** What a route requires beyond a valid credential. All given requirements must be met. */
export interface Requirements {
  /** The caller must have all of these scopes. */
  readonly scopes?: readonly string[];
  /** The caller must have at least one of these scopes; a challenge names the first. */
  readonly anyScope?: readonly string[];
  /**
   * The organization that the caller must belong to, or a function that returns it for a request. If it
   * returns or resolves to anything but a non-empty string, the request is rejected with 403. If it
   * throws or rejects, the error reaches the framework's error handler.
   */
  readonly orgId?: string | ((request: GuardRequest) => OrganizationId | Promise<OrganizationId>);
  /**
   * The application's own check, sync or async: it must return exactly `true`. An exception reaches
   * the framework's error handler.
   */
  check?(principal: Principal, request: GuardRequest): boolean | Promise<boolean>;
  /**
   * Allows requests without a credential; an invalid one is still rejected. Overrides the guard's
   * `optional`. Beside any other requirement, a request without a credential is 401 all the same.
   * @default the guard's `optional`
   */
  readonly optional?: boolean;
  /**
   * The mode of every client on this route, if the plan's is less strict: with `token-only`, no API
   * key is accepted here. It cannot make the plan less strict.
   */
  readonly mode?: SharedMode;
  /**
   * Enforces every check on this route, also those that the plan sets to report-only (`checks`,
   * `tokenChecks`).
   * @default false
   */
  readonly enforce?: boolean;
  /**
   * The template of the route, such as `/orders/:id`, for events and usage counts. Express and Fastify
   * supply it on a route, but not on a router or in a hook for all routes.
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
 * Checks requirements and returns a frozen copy, so that an invalid one throws when the route is
 * mounted and not when it is called. An adapter calls this where its user writes the requirements, with
 * all arguments that it was called with, and passes on the result.
 * @throws ConfigError for an unknown name, a value of the wrong type, an empty array, a name whose value
 * is `undefined`, or if the function was mounted in place of its result
 */
export function checkRequirements(
  requirements: Requirements = none,
  ...mounted: readonly unknown[]
): Requirements {
  if (mounted.length > 0) {
    throw new ConfigError(
      'requireToken must be called where it is mounted; got the function itself. Write requireToken(). See "Requirements" in the README of sallyport.',
    );
  }
  if (checked.has(requirements)) return requirements;
  const where = 'requirements';
  const own: Requirements = settingsOf(where, requirements, names);
  const { scopes, anyScope, orgId, check, optional, mode, enforce, routeTemplate } = own;
  const copy: Requirements = bare({
    ...(scopes !== undefined && { scopes: listOf(`${where}.scopes`, scopes, scopeItems) }),
    ...(anyScope !== undefined && { anyScope: listOf(`${where}.anyScope`, anyScope, scopeItems) }),
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
  throw invalid(where, orgId, {
    must: 'be the id of an organization or a function that returns it for a request',
    advice: 'Leave it out if any organization may call the route',
  });
}

function checkTemplate(where: string, template: unknown): string {
  if (typeof template === 'string' && /^\/[!->@-~]{0,127}$/.test(template)) return template;
  throw invalid(where, template, {
    must: 'be a path of at most 128 printable characters, without a query',
    advice: 'Write the template of the route, such as "/orders/:id"',
  });
}

/** Returns whether a request without a credential may pass. */
export function passesWithout(requirements: Requirements, optional: boolean): boolean {
  const { optional: own = optional, scopes, anyScope, orgId, check, mode, enforce } = requirements;
  return own && !(scopes || anyScope || orgId || check || mode || enforce);
}

/** Returns the scopes that the challenge names (RFC 6750 §3). */
export function neededScopes(requirements: Requirements): readonly string[] {
  const first = requirements.anyScope?.[0];
  return [...new Set([...(requirements.scopes ?? []), ...(first === undefined ? [] : [first])])];
}
