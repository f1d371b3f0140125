import { day } from '../../core/base/dates.js';
import { isReported } from '../../core/plan/evaluate.js';
import { type Check, checks, type Plan } from '../../core/plan/plan.js';
import type { Times } from './client.js';
import { byText, type Clock, daysUntil, isoOf, several } from './clock.js';
import { isRecent } from './counts.js';
import { isLive } from './input.js';
import { type Member, namedInPlan } from './members.js';
import type { Risk } from './model.js';
import { isOnKeys, noticeDays } from './status.js';

/** What a person should look at, kind by kind. */
export function risksOf(all: readonly Member[], plan: Plan, { watch, clock }: Times): Risk[] {
  return [
    ...shortNotice(all, plan, { watch, clock }),
    ...all.flatMap(inUrl).sort(byName),
    ...all.flatMap((member) => besideToken(member, clock)).sort(byName),
    ...lateChecks(all, plan, clock),
    ...all.flatMap((member) => personal(member, clock)).sort(byName),
  ];
}

const byName = (one: Risk, other: Risk): number =>
  byText(one.client ?? '', other.client ?? '') || byText(one.key ?? '', other.key ?? '');

const dayOf = (minutes: number): string => isoOf(minutes).slice(0, 10);

const inUrl = ({ ref: client, counts }: Member): Risk[] =>
  [...counts.inUrl].map(([key, { count, last }]) => ({
    kind: 'key-in-url',
    client,
    key,
    detail: `This key was sent in the URL of ${several(count, 'request')}, last on ${dayOf(last)}: it is in logs and caches.`,
  }));

function besideToken({ ref: client, counts }: Member, clock: Clock): Risk[] {
  const { beside } = counts;
  if (!beside || !isRecent({ on: Math.floor(beside.last / 1440) }, clock)) return [];
  const often = several(beside.count, 'request');
  const detail = `A key was sent together with a token in ${often}, last on ${dayOf(beside.last)}: the key can be omitted.`;
  return [{ kind: 'key-beside-token', client, detail }];
}

const personal = ({ ref: client, keys }: Member, { now }: Clock): Risk[] =>
  keys
    .filter((key) => key.createdBy !== undefined && isLive(key, now))
    .map(({ id }) => ({
      kind: 'personal-key',
      client,
      key: id,
      detail:
        'A person created this key: it may have the permissions of that person, and end with their account.',
    }));

interface Due {
  readonly where: string;
  readonly client?: string;
  readonly sunsetAt: number;
  clients: number;
}

// An extension is one client's end, all others are shared by a cohort or by all.
function shortNotice(all: readonly Member[], plan: Plan, { watch, clock }: Times): Risk[] {
  const found = new Map<string, Due>();
  for (const { ref: client, counts, place } of all) {
    const { mode, cohort, sunsetAt = Infinity } = place;
    if (sunsetAt <= clock.now || sunsetAt - clock.now >= noticeDays * day) continue;
    if (!isOnKeys(counts, watch)) continue;
    const own = mode === 'extension';
    const ofCohort = cohort !== undefined && plan.cohorts.get(cohort)?.sunsetAt !== undefined;
    const name = JSON.stringify(own ? ['client', client] : ofCohort ? ['cohort', cohort] : []);
    const where = ofCohort ? `The sunset of cohort ${JSON.stringify(cohort)}` : 'The sunset';
    const due = own
      ? { where: 'The end of the extension', client, sunsetAt, clients: 0 }
      : { where, sunsetAt, clients: 0 };
    const held: Due = found.get(name) ?? due;
    held.clients += 1;
    found.set(name, held);
  }
  return [...found.values()]
    .sort(
      (one, other) =>
        one.sunsetAt - other.sunsetAt ||
        byText(one.where, other.where) ||
        byText(one.client ?? '', other.client ?? ''),
    )
    .map(({ where, client, sunsetAt, clients }) => ({
      kind: 'short-notice',
      ...(client !== undefined && { client }),
      detail: `${where} is ${several(daysUntil(sunsetAt, clock), 'day')} away, and ${several(clients, 'client')} used a key in the last 14 days.`,
    }));
}

const checkOf: ReadonlyMap<string, Check> = new Map([
  ['ERR_TOKEN_AUDIENCE', 'audience'],
  ['ERR_TOKEN_TYPE', 'type'],
  ['ERR_SCOPE_MISSING', 'scopes'],
  ['ERR_ORG_MISSING', 'organization'],
  ['ERR_ORG_MISMATCH', 'organization'],
  ['ERR_ORG_UNRESOLVED', 'organization'],
  ['ERR_TOKEN_LIFETIME', 'lifetime'],
]);

function lateChecks(all: readonly Member[], plan: Plan, { minute }: Clock): Risk[] {
  const since = new Map<Check, number>();
  const whose = new Map<Check, Set<string>>();
  for (const one of all) {
    const { ref, counts } = one;
    for (const [reason, first] of counts.wouldDenySince) {
      const check = checkOf.get(reason);
      if (!check || !isReported(plan, check, namedInPlan(one))) continue;
      since.set(check, Math.min(since.get(check) ?? first, first));
      whose.set(check, (whose.get(check) ?? new Set()).add(ref));
    }
  }
  return checks.flatMap((check) => {
    const first = since.get(check);
    if (first === undefined || minute - first <= 30 * 1440) return [];
    const clients = several(whose.get(check)?.size ?? 0, 'client');
    const detail = `The check "${check}" has been report-only since ${dayOf(first)} or earlier, and would have rejected ${clients}: enforce it, or help these clients.`;
    return [{ kind: 'late-check', detail }];
  });
}
