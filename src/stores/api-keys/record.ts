import { checkRecord, objectIn } from '../../core/api-key/record.js';
import type { ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import { mistake } from '../settings.js';

/**
 * Returns a stored object as a record.
 * @throws TypeError if it is not a valid record
 */
export function recordIn(where: string, stored: object): ApiKeyRecord {
  try {
    return checkRecord(stored, `${where}: the value stored for a key is`);
  } catch (error) {
    throw broken('ERR_RECORD_MEMBER', (error as Error).message);
  }
}

/**
 * Parses a stored JSON object.
 * @throws TypeError if it is not a JSON object, or has duplicate names
 */
export function storedObject(where: string, stored: string): object {
  const object = objectIn(stored);
  if (object) return object;
  // Not the error of JSON.parse, whose message contains part of what is stored.
  const problem = 'is not a JSON object, or has duplicate names';
  throw broken('ERR_RECORD_JSON', `${where}: the value stored for a key ${problem}`);
}

/**
 * Returns a copy of a record without its digest.
 * @throws ConfigError if it is not a valid record
 */
export function recordGiven(where: string, given: object): ApiKeyRecord {
  try {
    return checkRecord(given, 'is', 'digest');
  } catch (error) {
    throw mistake(where, (error as Error).message);
  }
}
