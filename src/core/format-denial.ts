import { asError } from './base/thrown.js';
import type { Denial, ProblemDetails } from './challenge.js';
import type { GuardRequest } from './extract.js';

type Body = Denial['body'];

/** Returns what is sent instead of a refusal's own body. */
export type FormatDenial = (denial: Denial<ProblemDetails>, request: GuardRequest) => object;

/**
 * Puts another body into a refusal. Status and headers stay as they are, but for a `Content-Type`
 * that belongs to the new body.
 * @throws whatever the function throws, as an Error, and TypeError for what JSON cannot hold
 */
export function formatted(format: FormatDenial, denial: Denial, request: GuardRequest): Denial {
  const made = callFormat(format, denial as Denial<ProblemDetails>, request);
  const { body, contentType } = split(made);
  const { status, headers } = denial;
  if (contentType === undefined) return { status, headers, body };
  return { status, headers: { ...headers, 'Content-Type': contentType }, body };
}

function callFormat(
  format: FormatDenial,
  denial: Denial<ProblemDetails>,
  request: GuardRequest,
): Body {
  let made: unknown;
  try {
    made = format(denial, request);
  } catch (error) {
    throw asError(error);
  }
  if (isObject(made) && !(made instanceof Promise)) return made;
  throw new TypeError(
    'formatDenial must return an object, and not a promise: it is sent to the client as JSON',
  );
}

function split(made: Body): { readonly body: Body; readonly contentType?: string } {
  const { contentType, body, ...others } = made;
  if (contentType === undefined || !isObject(body) || Object.keys(others).length > 0) {
    return { body: made };
  }
  if (typeof contentType === 'string' && jsonType.test(contentType)) return { body, contentType };
  throw new TypeError(
    'formatDenial returned a contentType that is not JSON: use one such as "application/json"',
  );
}

const jsonType = /^application\/([\w.-]+\+)?json(; ?charset=utf-8)?$/i;

const isObject = (value: unknown): value is Body => typeof value === 'object' && value !== null;
