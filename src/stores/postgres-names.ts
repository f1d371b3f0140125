import { mistake } from './settings.js';

/** A table, with its schema or without, as SQL. */
export function tableOf(where: string, given: unknown): string {
  const parts = typeof given === 'string' ? given.split('.') : [given];
  if (parts.length > 2) throw mistake(where, 'has more than one dot: write table or schema.table');
  return parts.map((part) => quote(checkName(where, part))).join('.');
}

/** A name as SQL, whatever is in it. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A name that PostgreSQL takes whole. @throws ConfigError for any other */
export function checkName(where: string, name: unknown): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw mistake(where, 'is no name of Postgres');
  }
  // Postgres would cut it, and find another name.
  if (Buffer.byteLength(name) > 63) throw mistake(where, 'is over 63 bytes');
  return name;
}
