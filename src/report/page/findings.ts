import { durationOf } from '../analysis/clock.js';
import type { BrownoutReport, MigrationReport } from '../analysis/model.js';
import { count, minute, of, period, refOf } from '../text/words.js';
import type { Linked } from './attention.js';
import { html, type Markup, type Part } from './markup.js';
import { amount, code, list, name, section, table, when } from './parts.js';

/** Findings without a deadline: clients that use both, unused keys, and keys without a client. */
export function otherFindings(report: MigrationReport, linked: Linked): Markup {
  const { clients, halfMigrated, silentKeys, orphanKeys, leftOut = {} } = report;
  const byName = new Map(clients.map((client) => [refOf(client), client]));
  const half = halfMigrated.map((id) => {
    const client = byName.get(id);
    return html`${linked(id)}${client && html` <span class="often">${count(client.keyRequests.week)} with a key, ${count(client.tokenRequests.week)} with a token in 7 days</span>`}`;
  });
  const silent = silentKeys?.map(({ client, key }) =>
    client === key
      ? linked(client)
      : html`${name(key)} <span class="often">of ${linked(client)}</span>`,
  );
  return section(
    'findings',
    'Other findings',
    html`<div class="groups">
${group('Half migrated', half, { hint: 'Clients that use both API keys and tokens: some of their machines or services still have a key.', empty: 'No client uses both.', more: leftOut.halfMigrated })}
${silent ? group('Unused keys', silent, { hint: 'Keys that were not used since counting began: disable them first.', empty: 'Every key was used at least once.', more: leftOut.silentKeys }) : group('Unused keys', [], { hint: '', empty: 'Not known yet: too few days were watched to know which keys are unused.' })}
${group('Orphan keys', orphanKeys.map(name), { hint: 'Keys without a client: there is nobody to notify of the sunset.', empty: 'No key without a client was used.', more: leftOut.orphanKeys })}
</div>`,
  );
}

interface Words {
  readonly hint: string;
  readonly empty: string;
  /** What was left out of the list before. */
  readonly more?: number | undefined;
}

const group = (title: string, items: readonly Part[], { hint, empty, more = 0 }: Words): Markup =>
  html`<div class="group"><h3>${title} <span class="count">${count(items.length + more)}</span></h3><p class="hint">${items.length > 0 ? hint : empty}</p>${items.length > 0 && list(items, 'of these', more)}</div>`;

/** Brownouts, extensions and checks in report mode: what was tried, and what was granted. */
export function brownoutSection(report: MigrationReport, linked: Linked): Markup {
  const { brownouts, extensions } = report;
  return section(
    'brownouts',
    'Brownouts and exceptions',
    html`<h3>Brownouts</h3>
${brownouts.length === 0 ? html`<p>No brownout has rejected a request yet.</p>` : html`<p class="hint">A brownout has worked if clients returned with a token.</p>${brownouts.map((one) => brownout(one, linked))}`}
<h3>Extensions</h3>
${
  extensions.length === 0
    ? html`<p>No client has an extension.</p>`
    : table(
        'Extensions that have not expired',
        ['Client', 'Until'],
        extensions.map(({ client, until }) => [linked(client), when(until)]),
      )
}
<h3>Report-only checks</h3>
${wouldRefuse(report, linked)}
<h3>Unverified claims</h3>
${unverified(report, linked)}`,
  );
}

const answers: Readonly<Record<BrownoutReport['clients'][number]['cameBack'], string>> = {
  token: 'returned with a token',
  key: 'returned with a key',
  never: 'has not returned',
};

function brownout(
  { start, end, refused, clients, leftOut = 0 }: BrownoutReport,
  linked: Linked,
): Markup {
  const back = (how: keyof typeof answers) =>
    clients.filter(({ cameBack }) => cameBack === how).length;
  const summary = `${of(refused, 'request')} of ${of(clients.length + leftOut, 'client')} rejected: ${count(back('token'))} returned with a token, ${count(back('key'))} with a key, ${count(back('never'))} not at all`;
  const rows = clients.map((one) => [
    linked(one.client),
    amount(one.refused),
    html`<span class="back ${one.cameBack}">${answers[one.cameBack] ?? one.cameBack}</span>`,
  ]);
  const title = period(start, end);
  return html`<details class="rest brownout-row"><summary><strong>${title}</strong> <span class="often">${summary}</span></summary>${rows.length > 0 && table(html`Clients rejected in the brownout of ${minute(start)}`, ['Client', 'Rejected#', 'Afterwards'], rows)}</details>`;
}

function wouldRefuse({ clients }: MigrationReport, linked: Linked): Markup {
  const rows = clients.flatMap((client) =>
    client.wouldDeny.map((one) => [
      linked(refOf(client)),
      code(one.reason),
      amount(one.count),
      when(one.last),
    ]),
  );
  if (rows.length === 0)
    return html`<p>They would not have rejected any request in the last 30 days.</p>`;
  return html`<details class="rest" open><summary>${of(rows.length, 'case')}</summary>${table('Requests that would have been rejected in the last 30 days', ['Client', 'Reason', 'Requests#', 'Last'], rows)}</details>`;
}

// Shown separately, because anyone can send an invalid token that names any client.
function unverified({ clients }: MigrationReport, linked: Linked): Markup {
  const rows = clients.flatMap((client) =>
    client.unverified.map((one) => [
      linked(refOf(client)),
      code(one.reason),
      amount(one.count),
      when(one.last),
    ]),
  );
  if (rows.length === 0) return html`<p>No rejected token named a known client.</p>`;
  return html`<p class="hint">Rejected tokens that name these clients. Anyone can write any client id into a token, so no status, list or figure uses them.</p>
<details class="rest"><summary>${of(rows.length, 'case')}</summary>${table('Rejected tokens that name a client, in the last 30 days', ['Client', 'Reason', 'Requests#', 'Last'], rows)}</details>`;
}

/** When the report can be wrong. */
export function quality(report: MigrationReport, sentences: readonly string[]): Markup {
  const { reporting, lastTold, lost, lostLeftOut = 0, unwatched } = report.dataQuality;
  const rows = lost.map(({ instance, lastTold: last, atMostSeconds }) => [
    name(instance),
    html`${minute(last)}`,
    of(atMostSeconds, 'second'),
  ]);
  const gaps = unwatched.stretches.map(({ from, to, seconds, why, instances }) => [
    period(from, to),
    durationOf(seconds * 1000),
    why,
    instances.map((instance) => html`${name(instance)} `),
  ]);
  return section(
    'quality',
    'Data quality',
    html`<p class="hint">The report is based on what guards have counted and stored. It does not cover time for which counts are missing.</p>
<ul class="list">${sentences.map((sentence) => html`<li>${sentence}</li>`)}
<li>${of(reporting, 'guard')} reporting${lastTold !== undefined && html`, the last flush was at ${minute(lastTold)}`}; later requests are not in this report.</li></ul>
${rows.length > 0 && html`<details class="rest" open><summary>${of(rows.length + lostLeftOut, 'guard')} ended without being closed</summary>${table('Missing counts', ['Guard', 'Last flush', 'At most'], rows)}</details>`}
${gaps.length > 0 && html`<details class="rest" open><summary>${of(gaps.length + unwatched.leftOut, 'period')} not watched, ${durationOf(unwatched.seconds * 1000)} in total</summary>${table(html`The longest periods${unwatched.leftOut > 0 && html`; ${count(unwatched.leftOut)} more are shorter`}`, ['When', 'How long', 'Why', 'Guards'], gaps)}</details>`}`,
  );
}
