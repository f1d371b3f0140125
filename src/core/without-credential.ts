import { printable } from './base/quote.js';
import type { Credential } from './extract.js';

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

const escapedIn = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Returns whether a text has a credential in it. */
export function holdsSecret(value: string, credential: Credential | undefined): boolean {
  if (!credential) return false;
  const secrets =
    credential.kind === 'both' ? [credential.text, credential.key] : [credential.text];
  // Quoted in a sentence, some characters are escaped.
  return secrets.some((one) => value.includes(one) || value.includes(escapedIn(one)));
}
