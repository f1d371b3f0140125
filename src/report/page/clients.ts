import type { ClientReport, MigrationReport } from '../analysis/model.js';
import {
  count,
  day,
  mostShown,
  notShown,
  of,
  refOf,
  statusCounts,
  statuses,
  statusTitle,
} from '../text/words.js';
import { clientDetails } from './details.js';
import { html, type Markup, type Part } from './markup.js';
import { amount, name, section, when } from './parts.js';

/** A column: what a cell of it shows, and the value to sort by where that is not what it shows. */
interface Column {
  readonly title: string;
  readonly className: string;
  /** Numbers and dates: the greatest first. */
  readonly kind: 'text' | 'number' | 'date';
  cell(client: ClientReport): Part;
  value?(client: ClientReport): string | number;
}

// Beyond so many, those that are not on the screen are not laid out.
const screens = 200;

const none = html`<span class="none">–</span>`;
const ranks = Object.keys(statuses);

const columns: readonly Column[] = [
  { title: 'Client', className: 'client', kind: 'text', cell: (client) => name(refOf(client)) },
  {
    title: 'Owner',
    className: 'owner',
    kind: 'text',
    cell: ({ owner }) => (owner === undefined ? none : name(owner)),
    value: ({ owner = '' }) => owner,
  },
  {
    title: 'Cohort',
    className: 'cohort',
    kind: 'text',
    cell: ({ cohort }) => (cohort === undefined ? none : name(cohort)),
    value: ({ cohort = '' }) => cohort,
  },
  {
    title: 'Mode',
    className: 'mode',
    kind: 'text',
    cell: ({ mode, standing }) => (standing === 'sunset' ? html`${mode}, past its sunset` : mode),
  },
  {
    title: 'Status',
    className: 'status',
    kind: 'text',
    cell: ({ status }) => statusOf(status),
    value: ({ status }) => ranks.indexOf(status),
  },
  {
    title: 'Last key',
    className: 'date',
    kind: 'date',
    cell: ({ lastKeyUse }) => when(lastKeyUse),
    value: ({ lastKeyUse = '' }) => lastKeyUse,
  },
  {
    title: 'Last token',
    className: 'date',
    kind: 'date',
    cell: ({ lastTokenUse }) => when(lastTokenUse),
    value: ({ lastTokenUse = '' }) => lastTokenUse,
  },
  {
    title: 'Keys 7\u00a0d',
    className: 'n',
    kind: 'number',
    cell: ({ keyRequests }) => amount(keyRequests.week),
    value: ({ keyRequests }) => keyRequests.week,
  },
  {
    title: 'Keys 30\u00a0d',
    className: 'n',
    kind: 'number',
    cell: ({ keyRequests }) => amount(keyRequests.month),
    value: ({ keyRequests }) => keyRequests.month,
  },
  {
    title: 'Tokens 7\u00a0d',
    className: 'n',
    kind: 'number',
    cell: ({ tokenRequests }) => amount(tokenRequests.week),
    value: ({ tokenRequests }) => tokenRequests.week,
  },
  {
    title: 'Tokens 30\u00a0d',
    className: 'n',
    kind: 'number',
    cell: ({ tokenRequests }) => amount(tokenRequests.month),
    value: ({ tokenRequests }) => tokenRequests.month,
  },
  {
    title: 'Safe to cut',
    className: 'cut',
    kind: 'text',
    cell: ({ safeToCut }) => cut(safeToCut),
    value: ({ safeToCut: { safe, from = '' } }) => (safe ? '0' : from),
  },
];

const statusOf = (status: ClientReport['status']): Markup =>
  html`<span class="pill ${status.replace(' ', '-')}">${statusTitle(status)}</span>`;

function cut({ safe, known, from }: ClientReport['safeToCut']): Markup {
  if (safe) return html`<span class="yes">Yes</span>`;
  if (known === false) return html`<span class="no">not known</span>`;
  return html`<span class="no">${from === undefined ? 'No' : `from ${day(from)}`}</span>`;
}

// Laid out as blocks, it is no table any more to some screen readers, unless each part says so.
/** Every client, in a table that the script makes sortable and filters. */
export function clientSection(report: MigrationReport): Markup {
  const clients = report.clients.slice(0, mostShown);
  const more = notShown(report);
  const all = clients.length + more;
  if (clients.length === 0)
    return section('clients', 'Clients', html`<p>No client is known yet.</p>`);
  return section(
    'clients',
    html`Clients <span class="count">${count(all)}</span>`,
    html`${controls(report)}
<table id="client-table" class="clients${clients.length > screens && ' many'}" role="table"><caption>${of(all, 'client')}, the most urgent first${more > 0 && html`; ${count(more)}, all less urgent, are not on this page`}. Counts are of requests, up to the time of the report; all times are in UTC.</caption>
<thead role="rowgroup"><tr role="row">${columns.map(({ title, className, kind }) => html`<th scope="col" role="columnheader" class="${className}" data-kind="${kind}">${title}</th>`)}</tr></thead>
${clients.map((client, place) => rowOf(client, place, report))}</table>
${legend(report)}`,
  );
}

// A row is made once of each client, ahead of the page where there are many.
const rows = new WeakMap<ClientReport, Markup>();

/** The row of a client that is at a place in its report. */
export function rowOf(client: ClientReport, place: number, report: MigrationReport): Markup {
  const held = rows.get(client) ?? row(client, place, report);
  rows.set(client, held);
  return held;
}

function row(client: ClientReport, place: number, report: MigrationReport): Markup {
  const { status, cohort } = client;
  const cells = columns.map(({ className, cell, value }, i) => {
    const own = value && html` data-value="${value(client)}"`;
    return i === 0
      ? html`<th scope="row" role="rowheader" class="${className}">${cell(client)}</th>`
      : html`<td role="cell" class="${className}"${own}>${cell(client)}</td>`;
  });
  return html`<tbody role="rowgroup" id="client-${place}" data-status="${status}"${cohort !== undefined && html` data-cohort="${cohort}"`}>
<tr role="row">${cells}</tr>
<tr class="more" role="row"><td role="cell" colspan="${columns.length}">${clientDetails(client, report)}</td></tr></tbody>
`;
}

// Nothing of it works without the script, which is what shows it.
function controls(report: MigrationReport): Markup {
  const cohorts = [...new Set(report.clients.map(({ cohort }) => cohort))]
    .filter((one) => one !== undefined)
    .sort();
  const found = statusCounts(report).filter(([, n]) => n > 0);
  return html`<div id="client-filter" class="filter" role="search" aria-label="Clients" hidden>
<div class="field grow"><label for="filter-text">Filter by client, owner, key, route or user agent</label><input id="filter-text" type="search" autocomplete="off" spellcheck="false"></div>
<div class="field"><label for="filter-status">Status</label><select id="filter-status"><option value="">All</option>${found.map(([status, n]) => html`<option value="${status}">${statusTitle(status)} (${count(n)})</option>`)}</select></div>
${cohorts.length > 0 && html`<div class="field"><label for="filter-cohort">Cohort</label><select id="filter-cohort"><option value="">All</option>${cohorts.map((cohort, i) => html`<option value="${i}" data-cohort="${cohort}">${cohort}</option>`)}</select></div>`}
<button id="filter-clear" type="button">Clear</button>
<p id="filter-told" role="status" data-all="${Math.min(report.clients.length, mostShown)}"></p>
</div>`;
}

const legend = (report: MigrationReport): Markup =>
  html`<details class="rest"><summary>What each status means</summary><dl class="legend">${statusCounts(report).map(([status]) => html`<div><dt>${statusOf(status)}</dt><dd>${statuses[status]}</dd></div>`)}</dl></details>`;
