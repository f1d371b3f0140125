import type { MigrationReport } from '../analysis/model.js';
import { count, day, dayOfYear, timeOf } from '../text/words.js';

/** How large a chart is drawn; the rest is what the axes take. */
export interface ChartSize {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A label, and where. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** A chart, ready to be drawn: all lengths are of its own coordinates. */
export interface Chart {
  /** Where the x axis ends. */
  readonly end: number;
  readonly x: readonly Tick[];
  readonly y: readonly Tick[];
  readonly key: Line;
  readonly token: Line;
  readonly sunset: number | undefined;
  readonly deprecated: number | undefined;
  readonly brownouts: readonly Tick[];
}

/** Its last point, and where a label of it is not upon the other's. Paths are `Mx yLx y…`. */
export interface Line {
  readonly path: string;
  /** Day by day, where `path` is a mean of seven days. */
  readonly daily: string | undefined;
  readonly end: readonly [x: number, y: number];
  readonly labelAt: number;
}

type Days = MigrationReport['days'];
const dayLength = 86_400_000;

/** The days that are over. The one that is not looks like a fall; it is kept only if it is all there is. */
export function wholeDays({ days, generatedAt }: MigrationReport): Days {
  const today = generatedAt.slice(0, 10);
  return days.length > 1 && days.at(-1)?.day === today ? days.slice(0, -1) : days;
}

/** Steps of 1, 2 or 5 from 0 to `max` or just above: at most six. */
export function ticksTo(max: number): readonly number[] {
  const rough = Math.max(max, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  const steps = Math.ceil(Math.max(max, 4) / step);
  return Array.from({ length: steps + 1 }, (_, i) => i * step);
}

/** Lays a chart out; undefined if there is nothing to draw. */
export function layOut(report: MigrationReport, size: ChartSize): Chart | undefined {
  const days = wholeDays(report);
  const start = timeOf(days[0]?.day ?? '');
  if (Number.isNaN(start)) return undefined;
  const dayOf = (iso: string | undefined) => (timeOf(iso ?? '') - start) / dayLength;
  const sunset = dayOf(report.plan.sunsetAt);
  // A sunset that is near is worth showing: what is between is the time that is left.
  const ahead = sunset > days.length && sunset <= days.length * 1.5;
  const span = ahead ? sunset + days.length / 50 : days.length;
  const inRange = (at: number) => at >= 0 && at <= span;

  const yTicks = ticksTo(Math.max(...days.map(({ key, token }) => Math.max(key, token))));
  const high = yTicks.at(-1) ?? 1;
  // The labels of the lines are in the time that is left, where there is some.
  const end = size.width - (ahead ? 28 : size.right);
  const wide = end - size.left;
  const tall = size.height - size.top - size.bottom;
  const xOf = (at: number) => round(size.left + (at / span) * wide);
  const yOf = (value: number) => round(size.top + tall - (value / high) * tall);

  const line = (what: 'key' | 'token'): Omit<Line, 'labelAt'> => {
    const counts = days.map((one) => one[what]);
    // A count is of a whole day, so its point is at noon.
    const through = (values: readonly number[], from: number) =>
      `M${values.map((value, i) => `${xOf(from + i + 0.5)} ${yOf(value)}`).join('L')}`;
    const means = days.length >= 2 * week ? weekly(counts) : counts;
    return {
      path: through(means, days.length - means.length),
      daily: means === counts ? undefined : through(counts, 0),
      end: [xOf(days.length - 0.5), yOf(means.at(-1) ?? 0)],
    };
  };
  const key = line('key');
  const token = line('token');
  const [keyLabel, tokenLabel] = apart([key.end[1], token.end[1]], size);
  return {
    end,
    x: datesIn({ start, span, most: Math.floor(wide / 72) }).map(({ at, label }) => ({
      at: xOf(at),
      label,
    })),
    y: yTicks.map((value) => ({ at: yOf(value), label: short(value) })),
    key: { ...key, labelAt: round(keyLabel) },
    token: { ...token, labelAt: round(tokenLabel) },
    sunset: inRange(sunset) ? xOf(sunset) : undefined,
    deprecated: inRange(dayOf(report.plan.deprecatedAt))
      ? xOf(dayOf(report.plan.deprecatedAt))
      : undefined,
    brownouts: report.brownouts
      .filter((one) => inRange(dayOf(one.start)))
      .map((one) => ({ at: xOf(dayOf(one.start)), label: day(one.start) })),
  };
}

const week = 7;

/** The means of each seven days on end. */
export const weekly = (counts: readonly number[]): readonly number[] =>
  counts.slice(week - 1).map((_, i) => {
    const some = counts.slice(i, i + week);
    return some.reduce((sum, one) => sum + one, 0) / week;
  });

const round = (value: number): number => Math.round(value * 10) / 10;

const lineHeight = 30;

// Labels that would lie upon each other are moved apart, and stay inside.
function apart(
  [one, other]: readonly [number, number],
  size: ChartSize,
): readonly [number, number] {
  const middle = (one + other) / 2;
  const low = size.height - size.bottom - lineHeight / 2;
  const half = Math.max(Math.abs(one - other), lineHeight) / 2;
  const centre = Math.min(Math.max(middle, size.top + half), Math.max(low - half, size.top + half));
  return one <= other ? [centre - half, centre + half] : [centre + half, centre - half];
}

/** Dates in even steps, as few as there is room for. */
function datesIn({
  start,
  span,
  most,
}: {
  readonly start: number;
  readonly span: number;
  readonly most: number;
}): readonly Tick[] {
  const step =
    [1, 2, 7, 14, 28].find((days) => span / days <= most) ?? Math.ceil(span / Math.max(most, 1));
  return Array.from({ length: Math.ceil(span / step) }, (_, i) => ({
    at: i * step,
    label: dayOfYear(start + i * step * dayLength),
  }));
}

const units = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** A number in at most six characters, for where there is little room: `999`, `12.3k`, `4M`. */
export function short(value: number): string {
  const [size, unit] = units.find(([from]) => value >= from) ?? [1, ''];
  return `${count(Math.floor((value / size) * 10) / 10)}${unit}`;
}
