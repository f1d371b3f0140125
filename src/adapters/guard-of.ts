import { ConfigError, createGuard, type Guard, type GuardOptions } from '../index.js';

/** A guard's options, or a guard; that one stays its owner's to close. */
export type GuardSource =
  | (GuardOptions & { readonly guard?: never })
  | { readonly guard: Guard; readonly issuer?: never; readonly issuers?: never };

/**
 * Returns the guard that was given, or one made of the options.
 * @throws ConfigError for options that cannot be meant, and for a guard beside options
 */
export function guardOf(where: string, source: object): Guard {
  if (typeof source === 'function') return source as Guard;
  const { guard, ...others } = Object(source) as Readonly<Record<string, unknown>>;
  if (guard === undefined) return createGuard(source as GuardOptions);
  if (typeof guard === 'function' && Object.keys(others).length === 0) return guard as Guard;
  throw new ConfigError(`${where}: give either { guard }, made by createGuard, or its options`);
}

/**
 * Takes the adapter's own option `denied` from the others.
 * @throws ConfigError for a word that is not known
 */
export function splitDenied(
  where: string,
  source: object,
  otherwise: 'next' | 'throw',
): { readonly hands: boolean; readonly source: object } {
  if (typeof source === 'function') return { hands: false, source };
  const { denied = 'respond', ...others } = Object(source) as Readonly<Record<string, unknown>>;
  if (denied !== 'respond' && denied !== otherwise) {
    const found = typeof denied === 'string' ? `"${denied.slice(0, 80)}"` : typeof denied;
    throw new ConfigError(`${where}.denied must be "respond" or "${otherwise}", got ${found}`);
  }
  return { hands: denied === otherwise, source: others };
}
