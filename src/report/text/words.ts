import type { ClientReport, ClientStatus, MigrationReport } from '../analysis/model.js';

/** What each status means, the most urgent first. */
export const statuses: Readonly<Record<ClientStatus, string>> = {
  overdue: 'On keys, and its sunset is less than 30 days away, or past',
  blocked: 'On keys, and all its tokens are rejected: it tries to migrate, and cannot',
  'on keys': 'Only keys in the last 14 days',
  'in progress': 'Keys and tokens in the last 14 days',
  unknown: 'No key for 14 days, but a key may have been used that was not counted',
  inactive: 'No key and no token for 14 days',
  extended: 'On keys, with an extension that has not expired',
  migrated: 'No key for 14 days, and a token since its last key',
};

/** Returns the name of a status as readers see it. */
export const statusTitle = (status: ClientStatus): string =>
  status === 'unknown' ? 'not known' : status;

const longest = 300;

// All that is invisible or moves other text: controls, format and bidi characters, lone surrogates,
// line and paragraph separators; and marks piled up on one letter.
const unseen = /[\p{C}\p{Zl}\p{Zp}]|(?<=\p{M}{3})\p{M}/gu;

/** A stranger's text as one line that is harmless on a screen: what cannot be seen is spelled out. */
export function shown(text: string): string {
  const cut = text.length > longest ? text.slice(0, longest) : text;
  const seen = cut.replace(unseen, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
  return cut === text ? seen : `${seen}… (${count(text.length - longest)} more)`;
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** A number, in groups of three digits. */
export const count = (value: number): string => grouped.format(value);

/** A number of things. */
export const of = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** A share of a hundred. */
export const percent = (value: number): string => `${count(value)}\u00a0%`;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Milliseconds since 1970; `NaN` for what is no date. */
export const timeOf = (iso: string): number =>
  /^\d{4}-\d\d-\d\d/.test(iso) ? Date.parse(iso) : Number.NaN;

/** A date, as `22 Nov`. */
export function dayOfYear(time: number): string {
  const date = new Date(time);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
}

/** A date, as `22 Nov 2026`, in UTC. */
export function day(iso: string): string {
  const time = timeOf(iso);
  return Number.isNaN(time) ? shown(iso) : `${dayOfYear(time)} ${new Date(time).getUTCFullYear()}`;
}

/** A time, as `22 Nov 2026, 09:30 UTC`. */
export function minute(iso: string): string {
  const time = timeOf(iso);
  return Number.isNaN(time)
    ? shown(iso)
    : `${day(iso)}, ${new Date(time).toISOString().slice(11, 16)} UTC`;
}

/** From one time to another: `3 Nov 2026, 10:00 to 11:00 UTC`. */
export function period(start: string, end: string | undefined): string {
  if (end === undefined) return minute(start);
  if (day(start) !== day(end)) return `${minute(start)} to ${minute(end)}`;
  return `${minute(start).replace(/ UTC$/, '')} to ${minute(end).split(', ').at(-1)}`;
}

const millisecondsPerDay = 86_400_000;

/** Whole days of UTC from one time to another; `NaN` for what is no date. */
export const daysBetween = (from: string, to: string): number =>
  Math.floor(timeOf(to) / millisecondsPerDay) - Math.floor(timeOf(from) / millisecondsPerDay);

/** What a report's lists call a client, and so do its renderings. */
export const refOf = ({ client, ref = client }: ClientReport): string => ref;

/** Clients that a text and a page show, the most urgent first. */
export const mostShown = 2_000;

/** The clients of a report that are shown, by what lists call them, and where each is. */
export const placesOf = ({ clients }: MigrationReport): ReadonlyMap<string, number> =>
  new Map(clients.slice(0, mostShown).map((client, index) => [refOf(client), index]));

/** Clients of a report that are not shown. */
export const notShown = ({ clients, leftOut }: MigrationReport): number =>
  Math.max(0, clients.length - mostShown) + (leftOut?.clients ?? 0);

/** How long ago a time was; a day that is not over is none. */
export function ago(iso: string, now: string): string {
  const days = Math.floor((timeOf(now) - timeOf(iso)) / millisecondsPerDay);
  return days < 1 ? 'less than a day ago' : `${of(days, 'day')} ago`;
}

/** How many clients have each status, the most urgent first; none is left out. */
export const statusCounts = ({
  statuses: counts,
}: Pick<MigrationReport, 'statuses'>): readonly [ClientStatus, number][] =>
  (Object.keys(statuses) as ClientStatus[]).map((status) => [status, counts[status].clients]);
