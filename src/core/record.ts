import type { ApiKeyRecord } from './api-keys.js';
import { isScope } from './config.js';
import { bare, memberOf } from './verify/json.js';

/** Beyond this, a time in seconds was surely meant in milliseconds. */
const latestTime = 1e11;

const text = (value: unknown): boolean => typeof value === 'string' && value !== '';
const members: Readonly<Record<keyof ApiKeyRecord, (value: unknown) => boolean>> = {
  id: text,
  clientId: text,
  subject: text,
  orgId: text,
  scopes: (value) =>
    Array.isArray(value) &&
    [...value].every((scope) => typeof scope === 'string' && isScope(scope)),
  expiresAt: (value) => typeof value === 'number' && Math.abs(value) <= latestTime,
  disabled: (value) => typeof value === 'boolean',
  environment: text,
  createdBy: text,
};

/**
 * A copy of what a look-up answered, and of nothing else it may carry.
 * @throws TypeError for anything that is no record: a bug in the look-up, never a bad key
 */
export function checkRecord(answer: unknown): ApiKeyRecord {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    const what = answer === null ? 'null' : Array.isArray(answer) ? 'a list' : `a ${typeof answer}`;
    throw new TypeError(`apiKeys.lookup answered ${what}: answer a record, or undefined for none`);
  }
  const record: Record<string, unknown> = {};
  for (const [name, fits] of Object.entries(members)) {
    // A record may be of a class, with getters.
    const value = memberOf(answer, name);
    if (value === undefined && name !== 'id') continue;
    if (!fits(value)) {
      throw new TypeError(`apiKeys.lookup answered a record whose ${name} ${meant(name)}`);
    }
    record[name] = name === 'scopes' ? Object.freeze([...(value as string[])]) : value;
  }
  return Object.freeze(bare(record)) as unknown as ApiKeyRecord;
}

function meant(name: string): string {
  if (name === 'scopes') return 'are no list of scopes: write each on its own';
  if (name === 'expiresAt') return 'is no time in seconds: leave it out for a key without an end';
  if (name === 'disabled') return 'is neither true nor false';
  return `is no text with something in it${name === 'id' ? '' : ': leave it out if there is none'}`;
}
