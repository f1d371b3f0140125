import { UpstreamError, type UpstreamErrorCode } from '../errors.js';

const largestAnswer = 1_048_576;

/** What a server answered: its status, and its body if that was JSON. */
export interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/**
 * Gets a JSON document of at most 1 MiB, following no redirect.
 * @throws UpstreamError if nothing, or too much, comes back
 */
export async function getJson(
  url: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    });
  } catch (cause) {
    throw new UpstreamError('ERR_KEYS_UNREACHABLE', `${url} could not be reached`, { cause });
  }
  if (response.status !== 200) return { status: response.status, json: undefined };
  return { status: 200, json: parse(await read(url, response)) };
}

async function read(url: string, response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      // Leaving the loop cancels the body.
      if (size > largestAnswer) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new UpstreamError('ERR_KEYS_UNREACHABLE', `${url} broke off its answer`, { cause });
  }
  if (size > largestAnswer) {
    throw new UpstreamError('ERR_KEYS_RESPONSE', `${url} answered with more than 1 MiB`);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The failure of an answer that is not what was asked for. */
export const unusable = (code: UpstreamErrorCode, url: string, { status }: Answer): UpstreamError =>
  new UpstreamError(
    code,
    status === 200 ? `${url} answered with something else` : `${url} answered ${status}`,
  );
