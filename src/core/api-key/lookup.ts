import { withDeadline } from '../base/deadline.js';
import { sha256Hex } from '../base/digest.js';
import { UpstreamError } from '../base/errors.js';
import type { ApiKeySettings, FoundApiKey } from './options.js';

/** Beyond this many lookups at once, a store is only being buried. */
const mostLookups = 1_000;

/**
 * Makes the lookup of an application safe to wait for. It counts as under way until it has really
 * ended, however long ago it was given up: else a store that hangs would be asked without a bound.
 */
export function boundLookup({
  lookup,
  timeout,
}: Pick<ApiKeySettings, 'lookup' | 'timeout'>): (
  value: string,
) => Promise<FoundApiKey | undefined> {
  const deadline = { milliseconds: timeout * 1000, late: 'ERR_LOOKUP_TIMEOUT' } as const;
  let underWay = 0;

  async function ask(value: string): Promise<FoundApiKey | undefined> {
    underWay += 1;
    try {
      return await lookup({ value, sha256: sha256Hex(value) });
    } catch (error) {
      throw failure(error);
    } finally {
      underWay -= 1;
    }
  }

  return async (value) => {
    if (underWay >= mostLookups) {
      throw new UpstreamError(
        'ERR_LOOKUP_BUSY',
        `${mostLookups} lookups of API keys are under way`,
      );
    }
    return withDeadline(deadline, () => ask(value));
  };
}

// Registered, so that the stores, which are a bundle of their own, can write it.
const saidByStore = Symbol.for('sallyport.store');
const refusals = new WeakSet<object>();

function failure(error: unknown): UpstreamError {
  const own = sentenceOf(error);
  const why = own === undefined ? kindOf(error) : `${kindOf(error)}: ${own}`;
  const failed = new UpstreamError('ERR_LOOKUP_FAILED', `the lookup of an API key failed: ${why}`);
  if (own !== undefined) refusals.add(failed);
  return failed;
}

/**
 * Whether a store of ours answered, with what cannot be used: two records for one key, a column of a
 * wrong type. That is no outage, and what was remembered before must not stand in for it.
 */
export const isUnusable = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && refusals.has(error);

// Only our own stores' sentences are known to hold nothing of a key.
function sentenceOf(error: unknown): string | undefined {
  try {
    const { [saidByStore]: said } = Object(error) as { readonly [saidByStore]?: unknown };
    return typeof said === 'string' ? said.slice(0, 300) : undefined;
  } catch {
    return undefined;
  }
}

// What an error says may hold the key, so only its class goes on, and a code such as ECONNREFUSED,
// 57P01 or ERR_COLUMN_scopes.
function kindOf(error: unknown): string {
  if (error === undefined || error === null) return `${error}`;
  try {
    const thrown = Object(error) as { readonly code?: unknown };
    const name = thrown.constructor.name.slice(0, 80);
    const code = ['string', 'number'].includes(typeof thrown.code) ? String(thrown.code) : '';
    return /^(?:[A-Z0-9_]{3,40}|ERR_\w{1,40})$/.test(code) ? `${name} ${code}` : `${name}`;
  } catch {
    return 'an object';
  }
}
