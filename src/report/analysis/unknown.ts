import type { Entry, Times } from './client.js';
import { knownDays, several } from './clock.js';
import type { Doubts } from './doubts.js';
import type { GuardTime } from './guards.js';
import { askFor, askForUnreadable, clockOf, few, inMemory, lostGuards } from './silence.js';

interface Made {
  readonly entries: readonly Entry[];
  readonly guards: readonly GuardTime[];
  /** Enough days were watched to know of those that never came. */
  readonly known: boolean;
  readonly doubts: Doubts;
  readonly cohort: string | undefined;
}

/**
 * Tells why it is not known whether keys can be switched off, and what to do. Nothing where it is known
 * that they cannot: a client came with one too short a while ago, or its tokens are refused.
 */
export function unknownsOf(
  { entries, guards, known, doubts, cohort }: Made,
  { watch, clock }: Times,
): string[] {
  const unsafe = entries.filter(({ report }) => !report.safeToCut.safe);
  if (unsafe.some(({ report }) => report.safeToCut.known !== false)) return [];
  const { since } = watch;
  if (since === undefined) {
    return [
      ...askForUnreadable(guards),
      `Nothing has been counted yet: check that the guards that serve your traffic use this store. It then takes ${knownDays} days.`,
    ];
  }
  const reasons = [
    ...askForUnreadable(guards),
    ...askFor(lostGuards(guards, clock).filter(({ gone }) => gone === undefined)),
    ...guards
      .filter(({ off, state }) => off !== 0 && state !== 'silent')
      .slice(0, few)
      .map(clockOf),
    ...(doubts.temporary ? [inMemory] : []),
    ...(entries.length === 0 ? [noClients(cohort)] : []),
    ...doubts.all.filter(({ lasts, isTold }) => lasts && !isTold).map(({ why }) => why),
    ...excludedIn(unsafe, doubts),
  ];
  const last = watch.unwatched.at(-1);
  if (reasons.length === 0 && watch.until < clock.now && last) {
    reasons.push(
      `No guard has been counting since ${new Date(last[0]).toISOString()}: start a guard that uses this store.`,
    );
  }
  const dates = unsafe.flatMap(({ report }) => report.safeToCut.from ?? []).sort();
  const latest = dates.at(-1);
  if (latest !== undefined) {
    const isWatched = reasons.length === 0 ? 'If' : 'Once this is fixed, and if';
    reasons.push(
      `${isWatched} every guard continues to flush its counts and no key is used, it will be known on ${latest.slice(0, 10)} at the earliest, for ${several(unsafe.length, 'client')}.`,
    );
  }
  if (!known && reasons.length === 0) {
    reasons.push(`Fewer than ${knownDays} days were watched: wait until ${knownDays} were.`);
  }
  return reasons.length > 0
    ? reasons
    : ['Some requests, perhaps with API keys, were not counted by client: see dataQuality.'];
}

const noClients = (cohort: string | undefined): string =>
  cohort === undefined
    ? 'No client is known: list the clients that have API keys (`clients` or --clients, `keys` or --keys, or `clients` of the plan), and check that the guards that serve your traffic use this store.'
    : `No client of cohort ${JSON.stringify(cohort)} is known: check the name of the cohort, name its clients in the plan, or list them (\`clients\` or --clients).`;

function excludedIn(unsafe: readonly Entry[], { excluded }: Doubts): string[] {
  const refs = unsafe
    .filter(({ member }) => excluded.untilOf(member) !== undefined)
    .map(({ member }) => member.ref);
  if (refs.length === 0) return [];
  const more = refs.length > few ? ` and ${refs.length - few} more` : '';
  return [
    `A guard does not count ${refs.slice(0, few).join(', ')}${more}: exclude them from the report too (\`exclude\`), or let all guards count them.`,
  ];
}
