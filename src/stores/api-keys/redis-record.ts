import type { ApiKeyRecord } from '../../index.js';
import { broken, isBroken } from '../broken.js';
import type { Send } from '../redis-client.js';
import { recordIn, storedObject } from './record.js';

/** The value of a Redis key: a record, or the digest under which the record is stored. */
export type Entry = { readonly record: ApiKeyRecord } | { readonly sameAs: string };

/**
 * Reads the entry of a Redis key; resolves to `undefined` if it does not exist.
 * @throws TypeError if the value is neither; and the errors of the client
 */
export async function entryAt(where: string, send: Send, name: string): Promise<Entry | undefined> {
  let stored: unknown;
  try {
    stored = await send('GET', name);
  } catch (error) {
    if (!/^WRONGTYPE/.test(String((error as Error | undefined)?.message))) throw error;
    // Such as a hash. It must not count as an unknown key: someone may have meant to change the key.
    throw broken('ERR_RECORD_TYPE', `${where}: the value stored for a key is not a string`);
  }
  if (stored === null || stored === undefined) return undefined;
  const object = storedObject(where, String(stored));
  const { sameAs } = object as { readonly sameAs?: unknown };
  return typeof sameAs === 'string' && Object.keys(object).length === 1
    ? { sameAs }
    : { record: recordIn(where, object) };
}

/** Returns the value that refers to the record under another digest. */
export const pointerTo = (digest: string): string => JSON.stringify({ sameAs: digest });

/**
 * Returns the Redis key of the record: that of the digest, or the one that it refers to. An invalid
 * value is no error here, so that it can be replaced or deleted.
 */
export async function placeOf(
  where: string,
  send: Send,
  { prefix, digest }: { readonly prefix: string; readonly digest: string },
): Promise<string> {
  const entry = await entryAt(where, send, prefix + digest).catch((error: unknown) => {
    if (isBroken(error)) return undefined;
    throw error;
  });
  return prefix + (entry && 'sameAs' in entry ? entry.sameAs : digest);
}
