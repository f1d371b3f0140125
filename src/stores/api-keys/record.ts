import { checkRecord, objectIn } from '../../core/api-key/record.js';
import type { ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import { mistake } from '../settings.js';

/**
 * The record that a stored object is.
 * @throws TypeError for what is not a record
 */
export function recordIn(where: string, stored: object): ApiKeyRecord {
  try {
    return checkRecord(stored, `${where}: what is stored for a key is`);
  } catch (error) {
    throw broken('ERR_RECORD_MEMBER', (error as Error).message);
  }
}

/**
 * The JSON object that a stored text is.
 * @throws TypeError for any other text, and for one in which a name stands twice
 */
export function storedObject(where: string, stored: string): object {
  const object = objectIn(stored);
  if (object) return object;
  // The error of JSON.parse shows what it could not read.
  const why = 'is not one JSON object, or has a name twice';
  throw broken('ERR_RECORD_JSON', `${where}: what is stored for a key ${why}`);
}

/**
 * A copy of a record that somebody gives to be stored under its digest, without that.
 * @throws ConfigError for what is not a record
 */
export function recordGiven(where: string, given: object): ApiKeyRecord {
  try {
    return checkRecord(given, 'is', 'digest');
  } catch (error) {
    throw mistake(where, (error as Error).message);
  }
}
