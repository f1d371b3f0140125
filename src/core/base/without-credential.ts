import { printable } from './quote.js';

/** The secrets of a request: its token or its API key, or both. */
interface Credential {
  readonly text: string;
  readonly key?: string;
}

/** What stands in the place of a text that has a credential in it. */
export const hidden = '(hidden)';

/** What can stand in a log of what the client has written, unless it wrote its credential there. */
export function withoutCredential(
  value: string | undefined,
  credential: Credential | undefined,
): string | undefined {
  const printed = printable(value);
  if (value === undefined || !credential) return printed;
  const isSecret = holdsSecret(value, credential) || holdsSecret(printed ?? '', credential);
  return isSecret ? hidden : printed;
}

// Quoted in a sentence, some characters are escaped.
const isIn = (value: string, secret: string): boolean =>
  value.includes(secret) || value.includes(escapedIn(secret));

const escapedIn = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Returns whether a text has a credential in it. */
export function holdsSecret(value: string, credential: Credential | undefined): boolean {
  if (!credential) return false;
  const { text, key } = credential;
  return isIn(value, text) || (key !== undefined && isIn(value, key));
}
