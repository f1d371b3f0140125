import type { Plan } from '../../core/plan/plan.js';
import { byText, type Clock } from './clock.js';
import type { ClientCounts, ClientTally } from './counts.js';
import type { Member } from './members.js';
import type { BrownoutReport } from './model.js';

type Client = BrownoutReport['clients'][number];

/**
 * The brownouts that have begun, by their start: those that refused somebody, and those of the plan
 * that could have. Those that change nothing, being paused or a dry run, are none.
 */
export function brownoutsOf(
  members: readonly Member[],
  { brownouts }: Plan,
  { clock, cohort }: { readonly clock: Clock; readonly cohort: string | undefined },
): BrownoutReport[] {
  const ends = new Map<string, number>();
  const found = new Map<string, Client[]>();
  for (const { start: begin, end, cohorts, paused, dryRun } of brownouts) {
    const start = new Date(begin).toISOString();
    ends.set(start, Math.max(ends.get(start) ?? 0, end));
    const concerned = cohort === undefined || cohorts === undefined || cohorts.has(cohort);
    if (begin <= clock.now && concerned && !paused && !dryRun) found.set(start, []);
  }
  for (const { ref: client, counts } of members) {
    for (const [start, refusal] of counts.brownouts) {
      const one = { client, refused: refusal.count, cameBack: cameBack(counts, refusal) };
      const others = found.get(start);
      if (others) others.push(one);
      else found.set(start, [one]);
    }
  }
  return [...found]
    .sort(([one], [other]) => byText(one, other))
    .map(([start, those]) => {
      const end = ends.get(start);
      return {
        start,
        ...(end !== undefined && { end: new Date(end).toISOString() }),
        refused: those.reduce((sum, { refused }) => sum + refused, 0),
        clients: those.sort(byLesson),
      };
    });
}

function cameBack(
  { lastKeyLetIn, token }: ClientCounts,
  { last }: ClientTally,
): Client['cameBack'] {
  if (lastKeyLetIn !== undefined && lastKeyLetIn > last) return 'key';
  return token && token.last >= last ? 'token' : 'never';
}

/** Whoever has learned nothing first. */
const lessons: readonly Client['cameBack'][] = ['key', 'never', 'token'];

const byLesson = (one: Client, other: Client): number =>
  lessons.indexOf(one.cameBack) - lessons.indexOf(other.cameBack) ||
  other.refused - one.refused ||
  byText(one.client, other.client);
