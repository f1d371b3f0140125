import type { Happened } from './making.js';

// The same counts from what happened, one thing at a time and with nothing added up on the way: it is
// slow, and knows neither rows nor batches.

const minute = 60_000;
const day = 1440 * minute;

export interface Facts {
  readonly things: readonly Happened[];
  readonly now: number;
  readonly since: number;
  /** When each client's keys end; not there: never. */
  readonly sunsets: Readonly<Record<string, string>>;
}

const toMinute = (time: number) => Math.floor(time / minute) * minute;
const dateOf = (time: number) => new Date(time).toISOString().slice(0, 10);
const isoOrNone = (time: number | undefined) =>
  time === undefined ? undefined : new Date(time).toISOString();

/** The dates of today and of the days before. */
const dates = (now: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => dateOf(now - index * day));

const countIn = (things: readonly Happened[], now: number, days: number): number =>
  things.filter(({ at }) => dates(now, days).includes(dateOf(at))).length;

const windows = (things: readonly Happened[], now: number) => ({
  day: countIn(things, now, 1),
  week: countIn(things, now, 7),
  month: countIn(things, now, 30),
});

const isKeyRequest = ({ what, key }: Happened) =>
  what === 'key' || (what === 'refused' && key !== '');
// A key beside a token is in the counts of the token, and a use all the same.
const isKeyUse = (thing: Happened) => isKeyRequest(thing) || thing.what === 'both';
const isRefusedToken = ({ what, key }: Happened) => what === 'refused' && key === '';
const latest = (things: readonly Happened[]): number | undefined =>
  things.map(({ at }) => toMinute(at)).sort((a, b) => b - a)[0];

/** The last of the refused tokens since whose day it was let in on none. */
function lockedOut(own: readonly Happened[]): number | undefined {
  const letIn = own.filter(({ what }) => what === 'key' || what === 'token');
  return latest(
    own
      .filter(isRefusedToken)
      .filter(({ at }) => letIn.every((one) => dateOf(one.at) < dateOf(at))),
  );
}

function cut(own: readonly Happened[], { now, since }: Facts) {
  const uses = own.filter(isKeyUse);
  const times = uses.map(({ at }) => toMinute(at)).sort((a, b) => a - b);
  const gaps = times.map((time, index) => time - (times[index - 1] ?? Math.min(since, time)));
  const [first = 0, ...between] = gaps.map((gap) => Math.ceil(gap / day));
  const before = Math.min(first, 31);
  // A run over midnight, or on a few days in a row, is one run.
  const isRegular = (times.at(-1) ?? 0) >= (times[0] ?? 0) + 7 * day && times.length > 1;
  const longest = Math.max(0, ...between);
  const demanded = [14, isRegular ? 2 * longest : 35, 2 * before];
  const quietDays = Math.max(...demanded);
  const stuck = lockedOut(own);
  // A token that was refused before what counts as quiet time, or five weeks, is history.
  const fails = stuck !== undefined && now - Math.max(since, stuck) < Math.max(quietDays, 35) * day;
  const from = Math.max(since, times.at(-1) ?? 0) + quietDays * day;
  return {
    safe: now >= from && !fails,
    quietDays,
    longestGapDays: isRegular ? longest : undefined,
    from: now >= from || fails ? undefined : isoOrNone(from),
  };
}

function status(own: readonly Happened[], { now, since, sunsets }: Facts, client: string): string {
  const fresh = (things: readonly Happened[]) =>
    // A minute that began before tracking did is watched from there on.
    things.some(({ at }) => now - Math.max(since, toMinute(at)) < 14 * day);
  const came = own.filter(isKeyUse);
  const tokens = own.filter(({ what }) => what === 'token');
  const failed = own.filter(isRefusedToken);
  const lastKey = latest(came) ?? Number.NEGATIVE_INFINITY;
  if (!fresh(came))
    return tokens.some(({ at }) => toMinute(at) > lastKey) ? 'migrated' : 'inactive';
  const sunset = sunsets[client];
  if (sunset !== undefined && Date.parse(sunset) - now < 30 * day) return 'overdue';
  if (fresh(failed) && !fresh(tokens)) return 'blocked';
  return fresh(tokens) ? 'in progress' : 'on keys';
}

function back(own: readonly Happened[], last: number): string {
  const after = (what: string, from: number) =>
    own.some((thing) => thing.what === what && toMinute(thing.at) >= from);
  if (after('key', last + minute)) return 'key';
  return after('token', last) ? 'token' : 'never';
}

function brownouts(facts: Facts) {
  const refusals = facts.things.filter(({ what }) => what === 'brownout');
  const starts = [...new Set(refusals.map(({ detail }) => detail))].sort();
  return starts.map((start) => {
    const those = refusals.filter(({ detail }) => detail === start);
    const clients = [...new Set(those.map(({ client }) => client))].map((client) => {
      const refused = those.filter((one) => one.client === client);
      const own = facts.things.filter((one) => one.client === client);
      return { client, refused: refused.length, cameBack: back(own, latest(refused) ?? 0) };
    });
    return { start, refused: those.length, clients };
  });
}

/** What a report should say of what happened. */
export function recount(facts: Facts) {
  const { things, now } = facts;
  const verified = things.filter(({ what }) => what !== 'claimed');
  const names = [...new Set(verified.map(({ client }) => client))].sort();
  const clients = names.map((client) => {
    const own = things.filter((thing) => thing.client === client);
    const uses = own.filter(isKeyUse);
    const tokens = own.filter(({ what }) => what === 'token');
    return {
      client,
      status: status(own, facts, client),
      safeToCut: cut(own, facts),
      lastKeyUse: isoOrNone(latest(uses)),
      lastTokenUse: isoOrNone(latest(tokens)),
      firstTokenUse: isoOrNone(tokens.map(({ at }) => toMinute(at)).sort((a, b) => a - b)[0]),
      keyRequests: windows(own.filter(isKeyRequest), now),
      tokenRequests: windows(tokens, now),
      refusedRequests: windows(
        own.filter(({ what }) => what === 'refused'),
        now,
      ),
      keys: [...new Set(uses.map(({ key }) => key))].sort().map((id) => {
        const those = uses.filter(({ key }) => key === id);
        return {
          id,
          lastUse: isoOrNone(latest(those)),
          month: countIn(those.filter(isKeyRequest), now, 30),
        };
      }),
    };
  });
  const traffic = (days: number) => {
    const key = countIn(
      things.filter(({ what }) => what === 'key'),
      now,
      days,
    );
    const token = countIn(
      things.filter(({ what }) => what === 'token'),
      now,
      days,
    );
    return { key, token };
  };
  return {
    trafficWeek: traffic(7),
    trafficMonth: traffic(30),
    clientsMigrated: {
      total: clients.length,
      migrated: clients.filter((one) => one.status === 'migrated').length,
      left: clients.filter(
        (one) => one.status !== 'migrated' && !(one.status === 'inactive' && one.safeToCut.safe),
      ).length,
    },
    clients,
    brownouts: brownouts(facts),
  };
}
