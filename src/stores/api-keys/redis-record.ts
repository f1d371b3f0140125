import type { ApiKeyRecord } from '../../index.js';
import { broken, isBroken } from '../broken.js';
import type { Send } from '../redis-client.js';
import { recordIn, storedObject } from './record.js';

/** What stands at a name: a record, or the digest under which the record of the same key stands. */
export type Entry = { readonly record: ApiKeyRecord } | { readonly sameAs: string };

/**
 * What stands at a name.
 * @throws TypeError for what is stored and is neither; whatever the client throws
 */
export async function entryAt(where: string, send: Send, name: string): Promise<Entry | undefined> {
  let stored: unknown;
  try {
    stored = await send('GET', name);
  } catch (error) {
    if (!/^WRONGTYPE/.test(String((error as Error | undefined)?.message))) throw error;
    // Such as a hash: of another program, or of somebody who meant to disable the key by it.
    throw broken('ERR_RECORD_TYPE', `${where}: what is stored for a key is not a string`);
  }
  if (stored === null || stored === undefined) return undefined;
  const object = storedObject(where, String(stored));
  const { sameAs } = object as { readonly sameAs?: unknown };
  return typeof sameAs === 'string' && Object.keys(object).length === 1
    ? { sameAs }
    : { record: recordIn(where, object) };
}

/** The text that says of a name that the record stands under another digest. */
export const pointerTo = (digest: string): string => JSON.stringify({ sameAs: digest });

/**
 * Where a key's record stands: at its name, or where that points to. What is there and cannot be read
 * may be replaced or deleted as well.
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
