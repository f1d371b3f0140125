import { ConfigError } from '../index.js';

/** The error for a setting of a store. It shows no value: that may be a secret. */
export const mistake = (where: string, meant: string): ConfigError =>
  new ConfigError(`${where} ${meant} (see "Whose key it is" in docs/api-keys.md of sallyport)`);

/** Makes the error for a setting; it shows no value, which may be a secret. */
export type Mistake = (where: string, meant: string) => ConfigError;

/**
 * The settings that an object has of its own, and none that its prototype has.
 * @throws ConfigError for a name that is not known, and for a value that is `undefined`
 */
export type SettingsOf = <T extends object>(
  where: string,
  given: T,
  names: readonly (keyof T & string)[],
) => T;

/** Reads settings whose mistakes are told in one way. */
export const settingsReader = (wrong: Mistake): SettingsOf =>
  function settingsOf(where, given, names) {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw wrong(where, 'is no object: give the settings by name');
    }
    const known: readonly string[] = names;
    for (const [name, value] of Object.entries(given)) {
      if (!known.includes(name)) {
        const near =
          name === 'every'
            ? known.find((one) => one === 'pollInterval')
            : known.find((one) => bare(one) === bare(name));
        const meant = near ? `did you mean "${near}"?` : `use ${known.join(', ')}`;
        throw wrong(`${where}.${name}`, `is not known: ${meant}`);
      }
      if (value === undefined) {
        const meant = 'is a variable not set? Give a value, or leave the name out';
        throw wrong(`${where}.${name}`, `is undefined: ${meant}`);
      }
    }
    return { __proto__: null, ...given };
  };

export const settingsOf = settingsReader(mistake);

// client_id is what clientId is called elsewhere.
const bare = (name: string): string => name.replace(/[_-]/g, '').toLowerCase();

/** A text with something in it. */
export function someText(where: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw mistake(where, 'is no text');
  return value;
}

/** `true` or `false`, and nothing that is merely like them. */
export function flag(where: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw mistake(where, 'is neither true nor false');
  return value;
}

/** Whether an object has a method of this name. */
export function has(value: unknown, method: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as Record<string, unknown>)[method] === 'function';
}
