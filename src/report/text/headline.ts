import type { MigrationReport, Traffic } from '../analysis/model.js';
import {
  ago,
  count,
  day,
  daysBetween,
  of,
  percent,
  shown,
  statusCounts,
  statusTitle,
  timeOf,
} from './words.js';

/** One figure of the headline. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  /** 0 to 100, where it is a share. */
  readonly share?: number;
}

/** The figures that come first, in their order. */
export function figuresOf(report: MigrationReport): readonly Figure[] {
  const { clientsMigrated, trafficWeek, trafficMonth } = report;
  const { total, migrated, left, percent: share } = clientsMigrated;
  return [
    {
      name: 'Clients migrated',
      value: share === undefined ? 'None yet' : percent(share),
      note: total === 0 ? 'no client is known' : `${count(migrated)} of ${of(total, 'client')}`,
      ...(share !== undefined && { share }),
    },
    traffic('Traffic with tokens, 7 days', trafficWeek),
    traffic('Traffic with tokens, 30 days', trafficMonth),
    { name: 'Clients left', value: count(left), note: unmigrated(report) },
    sunset(report),
    cut(report),
    projected(report),
  ];
}

function cut({
  safeToCut,
  notKnown,
  clientsMigrated: { total },
  statuses,
}: MigrationReport): Figure {
  const name = 'Safe to cut';
  if (safeToCut) return { name, value: 'Yes', note: 'no client has used a key for long enough' };
  const value = notKnown ? 'Not known' : 'Not yet';
  if (total === 0) return { name, value, note: 'no client is known' };
  const safe = Object.values(statuses).reduce((sum, one) => sum + one.safe, 0);
  return { name, value, note: `${count(safe)} of ${of(total, 'client')}` };
}

function traffic(name: string, { key, token, percent: share }: Traffic): Figure {
  if (share === undefined) return { name, value: '–', note: 'no requests' };
  return {
    name,
    share,
    value: percent(share),
    note: `${count(token)} of ${of(key + token, 'request')}`,
  };
}

function unmigrated(report: MigrationReport): string {
  const { clientsMigrated, statuses } = report;
  const left = statusCounts(report)
    .filter(([status]) => status !== 'migrated')
    .map(([status, n]) => [status, status === 'inactive' ? n - statuses.inactive.safe : n] as const)
    .filter(([, n]) => n > 0);
  const { total, migrated, left: n } = clientsMigrated;
  const gone = total - migrated - n;
  const beside = gone > 0 ? `; ${count(gone)} inactive and safe to cut` : '';
  return `${left.map(([status, n]) => `${count(n)} ${statusTitle(status)}`).join(', ') || 'no client is left to migrate'}${beside}`;
}

function sunset({ plan: { sunsetAt, daysToSunset }, generatedAt }: MigrationReport): Figure {
  const name = 'Days to sunset';
  if (sunsetAt === undefined) return { name, value: 'No date', note: 'the plan has no sunset' };
  if (daysToSunset === undefined) return { name, value: day(sunsetAt), note: 'sunset' };
  if (daysToSunset >= 0) return { name, value: count(daysToSunset), note: day(sunsetAt) };
  return { name, value: 'Past', note: `${ago(sunsetAt, generatedAt)}, ${day(sunsetAt)}` };
}

function projected({ projection, plan: { sunsetAt } }: MigrationReport): Figure {
  const name = 'Migration complete';
  if (projection.state === 'done') return { name, value: 'Done', note: 'no API key in 14 days' };
  if (projection.state === 'no trend') {
    return { name, value: 'No trend', note: shown(projection.why) };
  }
  const { from, to } = projection;
  const base = 'if the trend of the last weeks continues';
  const value = from === to ? day(from) : `${day(from)} – ${day(to)}`;
  const late = sunsetAt === undefined ? 0 : daysBetween(sunsetAt, to);
  if (!(late > 0)) return { name, value, note: sunsetAt ? `${base}: before the sunset` : base };
  const early = daysBetween(sunsetAt ?? from, from);
  const how =
    early > 0 ? `${of(early, 'day')} after the sunset, or more` : 'maybe after the sunset';
  return { name, value, note: `${base}: ${how}` };
}

/** Returns the verdict of the report in a few sentences. */
export function verdictOf(report: MigrationReport): string {
  const { clientsMigrated, safeToCut, notKnown, plan, generatedAt } = report;
  const { total, left } = clientsMigrated;
  if (total === 0) return 'No client is known yet, so there is nothing to report.';
  const moved =
    left === 0
      ? `None of ${of(total, 'client')} is left to migrate.`
      : `${of(left, 'client')} of ${count(total)} ${left === 1 ? 'is' : 'are'} left to migrate.`;
  const cut = safeToCut
    ? 'API keys can be switched off.'
    : notKnown
      ? 'Whether API keys can be switched off is not known: leave them on.'
      : 'API keys cannot be switched off yet.';
  const { daysToSunset: days, sunsetAt } = plan;
  if (days === undefined || sunsetAt === undefined) return `${cut} ${moved}`;
  const time =
    days < 0
      ? `The sunset was ${ago(sunsetAt, generatedAt)}.`
      : `The sunset is in ${of(days, 'day')}.`;
  return `${cut} ${moved} ${time}`;
}

/** Returns why the figures may be wrong, in a few words each; the data quality has details. */
export function doubtsOf({ dataQuality }: MigrationReport): readonly string[] {
  const { trackingSince, daysTracked, daysWatched, reporting, dropped } = dataQuality;
  if (trackingSince === undefined) return ['nothing has been counted yet'];
  const { lost, lostLeftOut = 0, clocks = [], withoutClient } = dataQuality;
  const { unreadable = [], unreadableLeftOut = 0 } = dataQuality;
  const damaged = unreadable.length + unreadableLeftOut;
  const silent = lost.filter(({ gone }) => gone === undefined).length + lostLeftOut;
  const missed = daysTracked - daysWatched;
  return [
    daysTracked < 30 && `counted for ${of(daysTracked, 'day')} only`,
    reporting === 0 && 'no guard is reporting',
    missed > 0 && `${of(missed, 'day')} of ${count(daysTracked)} not watched`,
    silent > 0 && `${of(silent, 'guard')} ended without being closed`,
    damaged > 0 && `the counts of ${of(damaged, 'guard')} cannot be read`,
    clocks.length > 0 && `${of(clocks.length, 'clock')} wrong`,
    dropped > 0 && `${of(dropped, 'request')} not counted by client`,
    withoutClient > 0 && `${of(withoutClient, 'request')} without a client id`,
  ].filter((doubt) => doubt !== false);
}

/** Returns the limits of the data as sentences, the worst first. */
export function qualityOf({
  dataQuality,
  generatedAt,
  notKnown = [],
}: MigrationReport): readonly string[] {
  const { trackingSince, daysTracked, reporting, lastTold, dropped } = dataQuality;
  const { withoutClient, excluded, notes } = dataQuality;
  if (trackingSince === undefined) {
    return [
      'Nothing has been counted yet: a client that looks inactive may be active.',
      ...notes.map(shown),
    ];
  }
  const old =
    lastTold === undefined
      ? Number.NaN
      : Math.floor((timeOf(generatedAt) - timeOf(lastTold)) / 86_400_000);
  // Sentences that are also in the notes are not repeated.
  const todo = notKnown.filter((one) => !notes.includes(one));
  return [
    ...todo.map((one) => shown(`Not known: ${one}`)),
    reporting === 0 &&
      'No guard is reporting: every client looks inactive since the last flush, and may not be.',
    old > 0 && `No guard has flushed its counts for ${of(old, 'day')}: later requests are missing.`,
    `Counted since ${day(trackingSince)}, ${of(daysTracked, 'day')}: clients that send requests less often are not known.`,
    dropped > 0 &&
      `${of(dropped, 'request')} could not be counted by client, because a limit was reached: a client may have sent more than is shown.`,
    withoutClient > 0 &&
      `${of(withoutClient, 'request')} of the last 30 days had no client id: it is not known which client sent them.`,
    excluded > 0 && `${of(excluded, 'client')} excluded as your own.`,
    ...notes.map(shown),
  ].filter((sentence) => sentence !== false);
}
