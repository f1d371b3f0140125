import { ConfigError, createGuard, type Guard, type GuardOptions } from '../index.js';

/** The options of a guard, or a guard, which its owner must close. */
export type GuardSource =
  | (GuardOptions & { readonly guard?: never })
  | { readonly guard: Guard; readonly issuer?: never; readonly issuers?: never };

/**
 * Returns the given guard, or creates one from the options.
 * @throws ConfigError if an option is invalid, or there are both a guard and options
 */
export function guardOf(where: string, source: object): Guard {
  if (typeof source === 'function') return source as Guard;
  const { guard, ...others } = Object(source) as Readonly<Record<string, unknown>>;
  if (guard === undefined) return createGuard(source as GuardOptions);
  if (typeof guard === 'function' && Object.keys(others).length === 0) return guard as Guard;
  const found = typeof guard === 'function' ? 'both' : `a guard that is not a function`;
  const advice = 'pass { guard } with the result of createGuard, or the options alone';
  throw new ConfigError(
    `${where} must have either a guard or its options; got ${found}: ${advice}.`,
  );
}

/**
 * Separates the adapter's own option `denied` from the options of the guard.
 * @throws ConfigError if its value is unknown
 */
export function splitDenied(
  where: string,
  source: object,
  alternative: 'next' | 'throw',
): { readonly passesErrors: boolean; readonly source: object } {
  if (typeof source === 'function') return { passesErrors: false, source };
  const { denied = 'respond', ...others } = Object(source) as Readonly<Record<string, unknown>>;
  if (denied !== 'respond' && denied !== alternative) {
    const found = typeof denied === 'string' ? `"${denied.slice(0, 80)}"` : typeof denied;
    throw new ConfigError(`${where}.denied must be "respond" or "${alternative}"; got ${found}`);
  }
  return { passesErrors: denied === alternative, source: others };
}
