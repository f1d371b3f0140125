import type { BrownoutReport, MigrationReport } from './model.js';
import type { Linked } from './page-attention.js';
import { html, type Markup, type Part } from './page-markup.js';
import { amount, code, list, name, section, table, when } from './page-parts.js';
import { count, minute, of, period } from './text-words.js';

/** What is neither urgent nor done: shared by half, silent, or nobody's. */
export function looseEnds(report: MigrationReport, linked: Linked): Markup {
  const { clients, halfMigrated, silentKeys, orphanKeys } = report;
  const byName = new Map(clients.map((client) => [client.client, client]));
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
    'ends',
    'Loose ends',
    html`<div class="groups">
${group('Half migrated', half, 'Clients that use both: some part of them still has a key.', 'No client uses both.')}
${silent ? group('Silent keys', silent, 'Keys that never came since counting began: candidates to disable first.', 'Every key came at least once.') : group('Silent keys', [], '', 'Not told yet: counting began too short a while ago to know which keys never come.')}
${group('Orphan keys', orphanKeys.map(name), 'Keys that belong to no client: nobody can be told of the sunset.', 'None was seen.')}
</div>`,
  );
}

const group = (title: string, items: readonly Part[], hint: string, empty = ''): Markup =>
  html`<div class="group"><h3>${title} <span class="count">${count(items.length)}</span></h3><p class="hint">${items.length > 0 ? hint : empty}</p>${items.length > 0 && list(items, 'of these')}</div>`;

/** Brownouts, extensions and checks in report mode: what was tried, and what was granted. */
export function rehearsals(report: MigrationReport, linked: Linked): Markup {
  const { brownouts, extensions } = report;
  return section(
    'rehearsals',
    'Rehearsals and exceptions',
    html`<h3>Brownouts</h3>
${brownouts.length === 0 ? html`<p>None has refused anybody yet.</p>` : html`<p class="hint">A brownout has worked if clients came back with a token.</p>${brownouts.map((one) => brownout(one, linked))}`}
<h3>Extensions</h3>
${
  extensions.length === 0
    ? html`<p>None is granted.</p>`
    : table(
        'Extensions that have not run out',
        ['Client', 'Until'],
        extensions.map(({ client, until }) => [linked(client), when(until)]),
      )
}
<h3>Checks in report mode</h3>
${wouldRefuse(report, linked)}`,
  );
}

const answers: Readonly<Record<BrownoutReport['clients'][number]['cameBack'], string>> = {
  token: 'came back with a token',
  key: 'came back with a key',
  never: 'not seen since',
};

function brownout({ start, end, refused, clients }: BrownoutReport, linked: Linked): Markup {
  const back = (how: keyof typeof answers) =>
    clients.filter(({ cameBack }) => cameBack === how).length;
  const summary = `${of(refused, 'request')} of ${of(clients.length, 'client')} refused: ${count(back('token'))} came back with a token, ${count(back('key'))} with a key, ${count(back('never'))} not since`;
  const rows = clients.map((one) => [
    linked(one.client),
    amount(one.refused),
    html`<span class="back ${one.cameBack}">${answers[one.cameBack] ?? one.cameBack}</span>`,
  ]);
  const title = period(start, end);
  return html`<details class="rest brownout-row"><summary><strong>${title}</strong> <span class="often">${summary}</span></summary>${rows.length > 0 && table(html`Clients refused in the brownout of ${minute(start)}`, ['Client', 'Refused#', 'Afterwards'], rows)}</details>`;
}

function wouldRefuse({ clients }: MigrationReport, linked: Linked): Markup {
  const rows = clients.flatMap(({ client, wouldDeny }) =>
    wouldDeny.map((one) => [linked(client), code(one.reason), amount(one.count), when(one.last)]),
  );
  if (rows.length === 0) return html`<p>They would have refused nothing in the last 30 days.</p>`;
  return html`<details class="rest" open><summary>${of(rows.length, 'case')}</summary>${table('What would have been refused in the last 30 days', ['Client', 'Reason', 'Requests#', 'Last'], rows)}</details>`;
}

/** When the report can be wrong. */
export function quality(report: MigrationReport, sentences: readonly string[]): Markup {
  const { reporting, lastTold, lost } = report.dataQuality;
  const rows = lost.map(({ instance, lastTold: last, atMostSeconds }) => [
    name(instance),
    html`${minute(last)}`,
    of(atMostSeconds, 'second'),
  ]);
  return section(
    'quality',
    'Data quality',
    html`<p class="hint">A report counts what guards told. It is wrong where they told nothing.</p>
<ul class="list">${sentences.map((sentence) => html`<li>${sentence}</li>`)}
<li>${of(reporting, 'guard')} reporting${lastTold !== undefined && html`, last told ${minute(lastTold)}`}; what was counted since then is not in here.</li></ul>
${rows.length > 0 && html`<details class="rest" open><summary>${of(rows.length, 'guard')} ended without a word in the last 30 days</summary>${table('What each may have taken along', ['Guard', 'Last told', 'At most'], rows)}</details>`}`,
  );
}
