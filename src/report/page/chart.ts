import type { MigrationReport } from '../analysis/model.js';
import { count, day, of } from '../text/words.js';
import { type Chart, type ChartSize, layOut, short, type Tick, wholeDays } from './chart-layout.js';
import { constant, html, type Markup } from './markup.js';
import { amount, section, table } from './parts.js';

type Size = 'wide' | 'middle' | 'narrow';

// Drawn more than once, so that its text is as large on a phone as on a desk; the style shows one.
const sizes: Readonly<Record<Size, ChartSize>> = {
  wide: { width: 1160, height: 300, left: 52, right: 92, top: 46, bottom: 30 },
  middle: { width: 720, height: 290, left: 48, right: 84, top: 46, bottom: 30 },
  narrow: { width: 328, height: 250, left: 36, right: 62, top: 46, bottom: 28 },
};

/** API key and token traffic by day: as a chart, in words, and as a table. */
export function chartSection(report: MigrationReport): Markup {
  const wide = layOut(report, sizes.wide);
  const title = 'API key and token traffic';
  if (!wide) {
    return section('traffic', title, html`<p>No requests have been counted yet.</p>`);
  }
  const days = report.days.map((one) => [
    day(one.day),
    amount(one.key),
    amount(one.token),
    amount(one.refused),
  ]);
  const numbers = table('Requests by day, in UTC', ['Day', 'Keys#', 'Tokens#', 'Rejected#'], days);
  return section(
    'traffic',
    title,
    html`<figure>
${(Object.keys(sizes) as Size[]).map((size) => draw(report, size))}
<figcaption id="traffic-text">${inWords(report)} ${marks(report, wide)}</figcaption>
</figure>
<details class="rest"><summary>The numbers behind the chart</summary>${numbers}</details>`,
  );
}

function draw(report: MigrationReport, kind: Size): Markup | undefined {
  const chart = layOut(report, sizes[kind]);
  if (!chart) return undefined;
  const { width, height, left, top, bottom } = sizes[kind];
  const { end } = chart;
  const floor = height - bottom;
  const row = ({ at, label }: Tick) =>
    html`<line class="grid" x1="${left}" x2="${end}" y1="${at}" y2="${at}"/><text class="tick" x="${left - 8}" y="${at + 4}" text-anchor="end">${label}</text>`;
  const column = ({ at, label }: Tick) =>
    html`<line class="grid" x1="${at}" x2="${at}" y1="${floor}" y2="${floor + 5}"/><text class="tick" x="${at}" y="${floor + 19}" text-anchor="${at < left + 8 ? 'start' : 'middle'}">${label}</text>`;
  const mark = (at: number | undefined, label: string, className: string) =>
    at !== undefined &&
    html`<line class="${className}" x1="${at}" x2="${at}" y1="${top - 6}" y2="${floor}"/><text class="mark-label" x="${at}" y="${top - 11}" text-anchor="${at > width - 60 ? 'end' : 'middle'}">${label}</text>`;
  const line = (what: 'key' | 'token', label: string) => {
    const { path, daily, end: last, labelAt } = chart[what];
    return html`${daily !== undefined && html`<path class="line daily ${what}" d="${constant(daily)}"/>`}<path class="line ${what}" d="${constant(path)}"/><circle class="dot ${what}" cx="${last[0]}" cy="${last[1]}" r="4"/><text class="line-label ${what}" x="${last[0] + 10}" y="${labelAt + 4}">${label}</text>`;
  };
  const brownout = ({ at }: Tick) =>
    html`<path class="brownout" d="M${at} ${floor - 9}l5 9h-10z"/><line class="brownout-line" x1="${at}" x2="${at}" y1="${top}" y2="${floor - 9}"/>`;
  return html`<svg class="chart ${kind}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Requests a day, with keys and with tokens" aria-describedby="traffic-text">
<text class="tick" x="0" y="12">Requests a day</text>
${chart.y.map(row)}${chart.x.map(column)}
${chart.brownouts.map(brownout)}${mark(chart.deprecated, 'Deprecated', 'mark')}${mark(chart.sunset, 'Sunset', 'mark sunset')}
${line('key', 'Keys')}${line('token', 'Tokens')}
</svg>`;
}

function inWords(report: MigrationReport): Markup {
  const days = wholeDays(report);
  const from = days[0]?.day ?? '';
  const to = days.at(-1)?.day ?? '';
  const today =
    days.length < report.days.length && ' Today is not complete, and not part of the lines.';
  const length = Math.min(7, Math.floor(days.length / 2));
  if (length === 0) {
    const [one] = days;
    return html`On ${day(from)}, ${of(one?.key ?? 0, 'request')} had a key and ${count(one?.token ?? 0)} had a token.`;
  }
  const mean = (what: 'key' | 'token', some: typeof days) =>
    short(Math.round(some.reduce((sum, one) => sum + one[what], 0) / some.length));
  const early = days.slice(0, length);
  const late = days.slice(-length);
  const change = (what: 'key' | 'token') =>
    html`from ${mean(what, early)} a day to ${mean(what, late)}`;
  return html`${day(from)} to ${day(to)}, first ${of(length, 'day')} compared with the last: keys went ${change('key')}, tokens ${change('token')}.${days.length >= 14 && ' Thick lines are 7-day averages, thin lines are single days.'}${today}`;
}

const most = 5;

function marks({ plan }: MigrationReport, chart: Chart): Markup {
  const { brownouts } = chart;
  const last = brownouts.slice(-most).map(({ label }) => label);
  const more = brownouts.length > most && `, and ${brownouts.length - most} before`;
  const deprecated = chart.deprecated !== undefined && plan.deprecatedAt;
  const sunset = chart.sunset !== undefined && plan.sunsetAt;
  return html`${deprecated && html`Keys have been deprecated since ${day(deprecated)}. `}${last.length > 0 && html`Triangles are brownouts: ${last.join(', ')}${more}. `}${sunset && html`The sunset is on ${day(sunset)}.`}`;
}
