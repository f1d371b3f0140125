import { ConfigError } from '../index.js';

/** Creates the error for an invalid setting. `problem` must not contain the value, which may be a secret. */
export type Mistake = (where: string, problem: string) => ConfigError;

/** Returns a {@link Mistake} whose errors end with the page to read, such as `docs/audit.md`. */
export const mistakeSee =
  (page: string): Mistake =>
  (where, problem) =>
    new ConfigError(`${where} ${problem}${/[.?]$/.test(problem) ? '' : '.'} See ${page}.`);

/** Creates the error for an invalid setting of an API key store. */
export const mistake = mistakeSee('docs/api-keys.md of sallyport');

/** Returns the type of a value for an error message, with its article; never the value itself. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** The same, for an invalid value that may have the right type: `another string`. */
export const otherType = (value: unknown): string =>
  typeName(value).replace(/^an? (string|number|object)$/, 'another $1');

/**
 * Returns a copy of the object's own settings, without those of its prototype.
 * @throws ConfigError if it is not an object, has an unknown name, or a value is `undefined`
 */
export type SettingsOf = <T extends object>(
  where: string,
  given: T,
  names: readonly (keyof T & string)[],
) => T;

/** Returns a function that reads settings and throws the errors that `wrong` creates. */
export const settingsReader = (wrong: Mistake): SettingsOf =>
  function settingsOf(where, given, names) {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw wrong(where, `must be an object with named settings; got ${typeName(given)}`);
    }
    const known: readonly string[] = names;
    for (const [name, value] of Object.entries(given)) {
      if (!known.includes(name)) {
        const near =
          name === 'every'
            ? known.find((one) => one === 'pollInterval')
            : known.find((one) => bare(one) === bare(name));
        const advice = near ? `did you mean "${near}"?` : `use ${known.join(', ')}`;
        throw wrong(`${where}.${name}`, `is not a known setting: ${advice}`);
      }
      if (value === undefined) {
        const advice = 'set the variable that it is read from, or omit the setting';
        throw wrong(`${where}.${name}`, `must not be undefined: ${advice}`);
      }
    }
    return { __proto__: null, ...given };
  };

export const settingsOf = settingsReader(mistake);

// Users of SQL or JSON may write client_id for clientId.
const bare = (name: string): string => name.replace(/[_-]/g, '').toLowerCase();

/** Returns the value if it is a non-empty string. @throws ConfigError otherwise */
export function someText(where: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw mistake(where, `must be a non-empty string; got ${typeName(value)}`);
}

/** Returns the value if it is a boolean. @throws ConfigError otherwise, also for 0 or 1 */
export function flag(where: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw mistake(where, `must be true or false; got ${typeName(value)}`);
}

/** Returns whether the value is an object with a method of this name. */
export function has(value: unknown, method: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as Record<string, unknown>)[method] === 'function';
}
