import { copyOf } from '../base/copy.js';
import { hidden, withoutCredential } from '../base/without-credential.js';
import { type KeyPlace, type OneCredential, routeOf } from '../extract.js';
import type { CountedAttempt } from './attempt.js';
import type { RowBuffer } from './row-buffer.js';

/** What a key came with: where it should be looked for. */
export interface Traces {
  readonly route: string;
  readonly agent: string;
  readonly place: KeyPlace | undefined;
  readonly isBesideToken: boolean;
}

/** Longer user agents are looked at again each time, and not kept to compare with. */
const longestAgent = 512;

/** Of the one credential of a request, or of a key beside a token that is accepted so. */
export function tracesOf(attempt: CountedAttempt, holder: RowBuffer | undefined): Traces {
  const { credential } = attempt;
  return {
    route: routeOf(attempt) ?? '',
    agent: agentOf(attempt, holder),
    place: credential?.kind === 'token' ? undefined : credential?.place,
    isBesideToken: credential?.kind === 'both',
  };
}

/** The user agent as it is counted. Most come again and again. */
function agentOf({ request, credential }: CountedAttempt, holder: RowBuffer | undefined): string {
  const written = request.header('user-agent');
  if (holder && holder.agent.written === written) return holder.agent.counted;
  const counted = copyOf(withoutCredential(written, credential) ?? '');
  if (holder && (written === undefined || written.length <= longestAgent)) {
    holder.agent = { written: written && copyOf(written), counted };
  }
  return counted;
}

/** Of all that a refused request presents; each key has a place of its own. */
export function tracesOfAll(
  attempt: CountedAttempt,
  presented: readonly OneCredential[],
): Omit<Traces, 'place'> {
  const { request } = attempt;
  // No count may have any of them in it, whichever was meant.
  function shown(written: string | undefined): string {
    const texts = presented.map((one) => withoutCredential(written, one) ?? '');
    return copyOf(texts.find((text) => text === hidden) ?? texts[0] ?? '');
  }
  return {
    route: shown(routeOf(attempt)),
    agent: shown(request.header('user-agent')),
    isBesideToken: request.formToken === true || presented.some(({ kind }) => kind === 'token'),
  };
}
