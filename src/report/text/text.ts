import { durationOf } from '../analysis/clock.js';
import type { ClientReport, DataQuality, MigrationReport } from '../analysis/model.js';
import { doubtsOf, figuresOf, qualityOf, verdictOf } from './headline.js';
import { columnsFor, layTable, type TextColumn, wrap } from './table.js';
import {
  count,
  day,
  minute,
  mostShown,
  notShown,
  of,
  period,
  refOf,
  shown,
  statusTitle,
} from './words.js';

/** How the text is laid out. */
export interface TextOptions {
  /**
   * Columns of the terminal, from 60 to 400. Other numbers are replaced by the nearest of these.
   * @default 80
   */
  readonly width?: number;
}

/**
 * Returns a report as plain text for a terminal, without colors or lines longer than `width`. Control
 * characters in ids, routes and user agents are escaped.
 */
export function renderText(report: MigrationReport, { width = 80 }: TextOptions = {}): string {
  const columns = Math.floor(Math.min(Math.max(Number.isNaN(width) ? 80 : width, 60), 400));
  const paragraphs = [title(report), verdictOf(report), ...doubtLines(report)];
  const lines = paragraphs.flatMap((paragraph) => wrap(paragraph, columns));
  for (const block of [figureLines(report), ...blocksOf(report)]) {
    if (block.length > 0) lines.push('', ...block.flatMap((line) => wrap(line, columns, '  ')));
  }
  const clients = report.clients.slice(0, mostShown);
  if (clients.length > 0) {
    const more = notShown(report);
    lines.push('', `CLIENTS (${count(clients.length + more)}), the most urgent first`);
    lines.push(...layTable(columnsFor(columns, clientColumns), clients, columns));
    if (more > 0) lines.push(`and ${count(more)} more, all less urgent`);
  }
  lines.push(
    '',
    'DATA QUALITY',
    ...qualityLines(report).flatMap((line) => wrap(line, columns, '    ')),
  );
  return `${lines.join('\n')}\n`;
}

/** The first line: what it is a report of. */
export const title = ({ generatedAt, onlyCohort, plan }: MigrationReport): string =>
  [
    `Migration report of ${minute(generatedAt)}`,
    ...(onlyCohort === undefined ? [] : [`only cohort ${shown(onlyCohort)}`]),
    `plan ${plan.mode}`,
  ].join(', ');

const doubtLines = (report: MigrationReport): readonly string[] => {
  const doubts = doubtsOf(report);
  return doubts.length === 0 ? [] : [`Read with care: ${doubts.join('; ')}.`];
};

const figureLines = (report: MigrationReport): readonly string[] => {
  const figures = figuresOf(report);
  const wide = Math.max(...figures.map(({ name }) => name.length));
  return figures.map(({ name, value, note }) => `  ${name.padEnd(wide)}  ${value} (${note})`);
};

/** What requires action, and other findings: lines with a heading; none where there is nothing. */
export function blocksOf(report: MigrationReport): readonly (readonly string[])[] {
  const { clients, statuses, failing, risks, halfMigrated, silentKeys, orphanKeys } = report;
  const { brownouts, extensions, leftOut = {} } = report;
  const withStatus = (status: ClientReport['status']) =>
    clients.filter((client) => client.status === status);
  const refused = new Set(failing);
  const named = (client: ClientReport) => `${shown(refOf(client))}${ownerOf(client)}`;
  const ownerOf = ({ owner }: ClientReport) => `${owner === undefined ? '' : ` (${shown(owner)})`}`;
  const reasons = (client: ClientReport) =>
    client.refusals
      .slice(0, 3)
      .map(({ reason, count: often }) => `${shown(reason)} x${count(often)}`);
  return [
    block(
      'Blocked',
      withStatus('blocked').map((one) => [named(one), ...reasons(one)].join(', ')),
      statuses.blocked.clients - withStatus('blocked').length,
    ),
    block(
      'Overdue',
      withStatus('overdue').map(
        (one) => `${named(one)}, ${of(one.keyRequests.week, 'key request')} in 7 days`,
      ),
      statuses.overdue.clients - withStatus('overdue').length,
    ),
    block(
      'Rejected tokens',
      clients
        .filter((one) => refused.has(refOf(one)) && one.status !== 'blocked')
        .map((one) => [named(one), ...reasons(one)].join(', ')),
    ),
    block(
      'Risks',
      risks.map(
        ({ kind, client, detail }) =>
          `${kind}${client === undefined ? '' : `, ${shown(client)}`}: ${shown(detail)}`,
      ),
      leftOut.risks,
    ),
    block('Half migrated', halfMigrated.map(shown), leftOut.halfMigrated),
    block(
      'Unused keys',
      (silentKeys ?? []).map(({ client, key }) =>
        client === key ? shown(key) : `${shown(key)} of ${shown(client)}`,
      ),
      leftOut.silentKeys,
    ),
    block('Orphan keys', orphanKeys.map(shown), leftOut.orphanKeys),
    block(
      'Brownouts',
      brownouts.map(
        ({ start, end, refused: often, clients: hit, leftOut: more = 0 }) =>
          `${period(start, end)}: ${of(often, 'request')} of ${of(hit.length + more, 'client')} rejected, ${count(hit.filter(({ cameBack }) => cameBack === 'token').length)} returned with a token`,
      ),
      leftOut.brownouts,
    ),
    block(
      'Extensions',
      extensions.map(({ client, until }) => `${shown(client)} until ${day(until)}`),
      leftOut.extensions,
    ),
    block(
      'Would be rejected',
      clients.flatMap((one) =>
        one.wouldDeny.map(
          ({ reason, count: often }) => `${shown(refOf(one))}: ${shown(reason)} x${count(often)}`,
        ),
      ),
    ),
    block(
      'Unverified: rejected tokens that name',
      clients.flatMap((one) =>
        one.unverified.map(
          ({ reason, count: often }) => `${shown(refOf(one))}: ${shown(reason)} x${count(often)}`,
        ),
      ),
    ),
  ];
}

const most = 10;

function block(name: string, lines: readonly string[], leftOut = 0): readonly string[] {
  if (lines.length === 0) return [];
  const all = lines.length + leftOut;
  return [
    `${name.toUpperCase()} (${count(all)})`,
    ...lines.slice(0, most).map((line) => `  ${line}`),
    ...(all > most ? [`  and ${count(all - most)} more`] : []),
  ];
}

/** What the data quality says, with the guards that were lost and the time that was not watched. */
export const qualityLines = (report: MigrationReport): readonly string[] => [
  ...qualityOf(report).map((sentence) => `  ${sentence}`),
  ...lostLines(report.dataQuality),
  ...unwatchedLines(report.dataQuality),
];

function lostLines({ lost, lostLeftOut = 0 }: DataQuality): readonly string[] {
  const lines = lost
    .slice(0, most)
    .map(
      ({ instance, lastTold, atMostSeconds }) =>
        `  ${shown(instance)} ended without being closed; at most ${of(atMostSeconds, 'second')} of its counts are missing. Its last flush was at ${minute(lastTold)}.`,
    );
  const more = Math.max(0, lost.length - most) + lostLeftOut;
  return more > 0 ? [...lines, `  and ${of(more, 'more guard')}`] : lines;
}

function unwatchedLines({ unwatched: { stretches, leftOut } }: DataQuality): readonly string[] {
  const lines = stretches
    .slice(0, most)
    .map(
      ({ from, to, seconds, why }) =>
        `  Not watched: ${period(from, to)}, ${durationOf(seconds * 1000)} (${why}).`,
    );
  const more = Math.max(0, stretches.length - most) + leftOut;
  return more > 0 ? [...lines, `  and ${count(more)} shorter`] : lines;
}

const dateOf = (iso: string | undefined): string =>
  iso === undefined ? 'never' : shown(iso.slice(0, 10));

/** The columns of the clients; those with a `from` only where there is room. */
export const clientColumns: readonly TextColumn<ClientReport>[] = [
  { title: 'Client', width: 'rest', cell: (client) => shown(refOf(client)) },
  { title: 'Owner', width: 14, from: 96, cell: ({ owner = '-' }) => shown(owner) },
  { title: 'Cohort', width: 10, from: 108, cell: ({ cohort = '-' }) => shown(cohort) },
  { title: 'Mode', width: 10, from: 120, cell: ({ mode }) => mode },
  { title: 'Status', width: 11, cell: ({ status }) => statusTitle(status) },
  { title: 'Last key', width: 10, cell: ({ lastKeyUse }) => dateOf(lastKeyUse) },
  { title: 'Last token', width: 10, from: 76, cell: ({ lastTokenUse }) => dateOf(lastTokenUse) },
  {
    title: 'Keys 7d',
    width: 7,
    from: 132,
    right: true,
    cell: ({ keyRequests }) => count(keyRequests.week),
  },
  { title: 'Keys 30d', width: 8, right: true, cell: ({ keyRequests }) => count(keyRequests.month) },
  {
    title: 'Tok. 30d',
    width: 8,
    right: true,
    cell: ({ tokenRequests }) => count(tokenRequests.month),
  },
  {
    title: 'Cut',
    width: 3,
    cell: ({ safeToCut: { safe, known } }) => (safe ? 'yes' : known === false ? '?' : 'no'),
  },
];
