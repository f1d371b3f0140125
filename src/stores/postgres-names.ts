import { mistake, typeName } from './settings.js';

/** Returns a table name, with or without its schema, as SQL. @throws ConfigError if it is invalid */
export function tableOf(where: string, given: unknown): string {
  const parts = typeof given === 'string' ? given.split('.') : [given];
  if (parts.length > 2) {
    throw mistake(where, `must be table or schema.table; got ${parts.length - 1} dots`);
  }
  return parts.map((part) => quote(checkName(where, part))).join('.');
}

/** Returns a name as a quoted SQL identifier. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Returns the name of a table, schema or column. @throws ConfigError if it is invalid */
export function checkName(where: string, name: unknown): string {
  if (typeof name !== 'string' || name === '') {
    throw mistake(where, `must be a name of PostgreSQL; got ${typeName(name)}`);
  }
  if (name.includes('\0'))
    throw mistake(where, 'must be a name of PostgreSQL; got a NUL character');
  // PostgreSQL would truncate the name, and might find another table or column.
  const bytes = Buffer.byteLength(name);
  if (bytes > 63) throw mistake(where, `must have at most 63 bytes; got ${bytes}`);
  return name;
}
