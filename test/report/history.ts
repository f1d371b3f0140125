import type { Usage, UsageInstance } from '../../src/core/usage/usage.js';
import { day, type Happened, hour, minute, rowsOf } from './making.js';

// What really happened, hour by hour, and what a store then holds of it: processes come and go, stores
// refuse, lose and go back, clocks are wrong. Nothing here adds up stretches of time.

export const hours = 100 * 24;
export const end = Date.parse('2030-03-15T12:00:00Z');
/** The true time of an hour of the history. */
export const timeOf = (at: number): number => end - (hours - at) * hour;

export interface Life {
  readonly from: number;
  readonly to: number;
  /** How it ended; `runs`: it has not. */
  readonly ends: 'closed' | 'killed' | 'runs';
  /** Milliseconds by which its clock is ahead, all its life. */
  readonly ahead: number;
  /** Its clock stood at 1970 for its first hour. */
  readonly unset: boolean;
  /** The store has a clock of its own. */
  readonly measured: boolean;
  /** Somebody says when it ended, so many hours later than it did. */
  readonly declared: number | undefined;
}

export interface Trouble {
  readonly from: number;
  readonly to: number;
  /** Batches wait until the store takes them again, or are lost on the way; or what it held is lost. */
  readonly what: 'waits' | 'drops' | 'loses';
}

export interface Use {
  readonly at: number;
  readonly client: string;
  /** Which of the processes that are there then. */
  readonly by: number;
}

export interface History {
  readonly lives: readonly Life[];
  readonly troubles: readonly Trouble[];
  readonly uses: readonly Use[];
}

const isThere = ({ from, to }: Life, at: number) => from <= at && at < to;

/** The true last hours that each process could tell: one batch an hour, of the hour before. */
const told = (life: Life): number[] =>
  Array.from({ length: Math.max(0, life.to - life.from) }, (_, index) => life.from + index).filter(
    (at) => isTold(life, at),
  );

/** Of a process that was killed, the last hour never got out. */
const isTold = ({ from, to, ends }: Life, at: number): boolean =>
  from <= at && at < (ends === 'killed' ? to - 1 : to);

/** Tells whether what a process counted in an hour is in the store at the end. */
export function isHeld({ troubles }: History, life: Life, at: number): boolean {
  const dropped = troubles.some(({ from, to, what }) => what === 'drops' && from <= at && at < to);
  const lost = troubles.some(({ from, to, what }) => what === 'loses' && from <= at && at < to);
  // What waits is told once the store is back, if the process is still there.
  const waits = troubles.filter(({ from, to, what }) => what === 'waits' && from <= at && at < to);
  const late = waits.every(({ to }) => to < life.to - 1);
  return isTold(life, at) && !dropped && !lost && late;
}

/** Tells whether all that came in an hour is known, and when it came. */
export function isWatched(history: History, at: number): boolean {
  const there = history.lives.filter((life) => isThere(life, at));
  const isRight = ({ ahead, unset, from }: Life) =>
    Math.abs(ahead) <= 5 * minute && !(unset && at === from);
  return there.length > 0 && there.every((life) => isRight(life) && isHeld(history, life, at));
}

export const usedBy = ({ lives }: History, { at, by }: Use): Life | undefined => {
  const there = lives.filter((life) => isThere(life, at));
  return there[by % Math.max(1, there.length)];
};

/** The clock of a process at a true time. */
const clockOf = ({ ahead, unset, from }: Life, time: number): number =>
  unset && time < timeOf(from + 1) ? time - timeOf(from) + 5_000 : time + ahead;

/** What the store holds at the end. */
export function usageOf(history: History): Usage {
  const instances = history.lives.flatMap((life, index) => instanceOf(history, life, index));
  const things = history.uses.flatMap((use): Happened[] => {
    const life = usedBy(history, use);
    if (!life || !isHeld(history, life, use.at)) return [];
    const at = clockOf(life, timeOf(use.at) + 10 * minute);
    return [{ at, what: 'key', client: use.client, key: use.client, detail: '' }];
  });
  const watched = instances.flatMap((one) => one.watched ?? []).map(([from]) => from);
  const trackingSince = watched.length === 0 ? undefined : Math.min(...watched);
  return { trackingSince, rows: rowsOf(things), instances };
}

function instanceOf(history: History, life: Life, index: number): UsageInstance[] {
  const batches = told(life);
  const held = batches.filter((at) => isHeld(history, life, at));
  const last = held.at(-1);
  if (last === undefined) return [];
  const stretches: [number, number][] = [];
  for (const at of held) {
    const [from, to] = [clockOf(life, timeOf(at)), clockOf(life, timeOf(at + 1))];
    const before = stretches.at(-1);
    if (before && before[1] === from) before[1] = to;
    else stretches.push([from, to]);
  }
  return [
    {
      ...{ instance: `p${index}`, seq: batches.indexOf(last) + 1, every: 3600, dropped: 0 },
      since: clockOf(life, timeOf(life.from)),
      at: clockOf(life, timeOf(last + 1)),
      closed: life.ends === 'closed' && last === life.to - 1,
      watched: stretches,
      missing: batches.indexOf(last) + 1 - held.length,
      ...(life.measured && { skew: life.ahead }),
    },
  ];
}

/** What somebody says of those that were killed. */
export function goneOf(history: History) {
  const known = new Map(usageOf(history).instances.map((one) => [one.instance, one]));
  return history.lives.flatMap(({ to, ends, declared, ahead }, index) => {
    const one = known.get(`p${index}`);
    if (!one || ends !== 'killed' || declared === undefined) return [];
    const at = Math.min(end, timeOf(to + declared));
    const isSaid = Math.abs(ahead) <= 5 * minute ? at >= one.at : true;
    return isSaid ? [{ instance: one.instance, at: new Date(at).toISOString() }] : [];
  });
}

export const daysOf = (count: number): number => (count * hour) / day;
