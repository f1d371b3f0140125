import { durationOf } from '../analysis/clock.js';
import type { BrownoutReport, MigrationReport } from '../analysis/model.js';
import { count, minute, of, period, refOf } from '../text/words.js';
import type { Linked } from './attention.js';
import { html, type Markup, type Part } from './markup.js';
import { amount, code, list, name, section, table, when } from './parts.js';

/** What is neither urgent nor done: shared by half, silent, or nobody's. */
export function looseEnds(report: MigrationReport, linked: Linked): Markup {
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
    'ends',
    'Loose ends',
    html`<div class="groups">
${group('Half migrated', half, { hint: 'Clients that use both: some part of them still has a key.', empty: 'No client uses both.', more: leftOut.halfMigrated })}
${silent ? group('Silent keys', silent, { hint: 'Keys that never came since counting began: candidates to disable first.', empty: 'Every key came at least once.', more: leftOut.silentKeys }) : group('Silent keys', [], { hint: '', empty: 'Not told yet: too few days were watched to know which keys never come.' })}
${group('Orphan keys', orphanKeys.map(name), { hint: 'Keys that belong to no client: nobody can be told of the sunset.', empty: 'None was seen.', more: leftOut.orphanKeys })}
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
<h3>Report-only checks</h3>
${wouldRefuse(report, linked)}
<h3>Not verified</h3>
${unverified(report, linked)}`,
  );
}

const answers: Readonly<Record<BrownoutReport['clients'][number]['cameBack'], string>> = {
  token: 'came back with a token',
  key: 'came back with a key',
  never: 'not seen since',
};

function brownout(
  { start, end, refused, clients, leftOut = 0 }: BrownoutReport,
  linked: Linked,
): Markup {
  const back = (how: keyof typeof answers) =>
    clients.filter(({ cameBack }) => cameBack === how).length;
  const summary = `${of(refused, 'request')} of ${of(clients.length + leftOut, 'client')} refused: ${count(back('token'))} came back with a token, ${count(back('key'))} with a key, ${count(back('never'))} not since`;
  const rows = clients.map((one) => [
    linked(one.client),
    amount(one.refused),
    html`<span class="back ${one.cameBack}">${answers[one.cameBack] ?? one.cameBack}</span>`,
  ]);
  const title = period(start, end);
  return html`<details class="rest brownout-row"><summary><strong>${title}</strong> <span class="often">${summary}</span></summary>${rows.length > 0 && table(html`Clients refused in the brownout of ${minute(start)}`, ['Client', 'Refused#', 'Afterwards'], rows)}</details>`;
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
  if (rows.length === 0) return html`<p>They would have refused nothing in the last 30 days.</p>`;
  return html`<details class="rest" open><summary>${of(rows.length, 'case')}</summary>${table('What would have been refused in the last 30 days', ['Client', 'Reason', 'Requests#', 'Last'], rows)}</details>`;
}

// Apart from all else, since anybody can have a token refused that names any client.
function unverified({ clients }: MigrationReport, linked: Linked): Markup {
  const rows = clients.flatMap((client) =>
    client.unverified.map((one) => [
      linked(refOf(client)),
      code(one.reason),
      amount(one.count),
      when(one.last),
    ]),
  );
  if (rows.length === 0) return html`<p>No refused token said that it was a known client's.</p>`;
  return html`<p class="hint">Refused tokens that say they are of these clients. Anybody can write that: no status, list or figure rests on it.</p>
<details class="rest"><summary>${of(rows.length, 'case')}</summary>${table('What refused tokens say, in the last 30 days', ['Client', 'Reason', 'Requests#', 'Last'], rows)}</details>`;
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
    html`<p class="hint">A report counts what guards told. It is wrong where they told nothing.</p>
<ul class="list">${sentences.map((sentence) => html`<li>${sentence}</li>`)}
<li>${of(reporting, 'guard')} reporting${lastTold !== undefined && html`, last told ${minute(lastTold)}`}; what was counted since then is not in here.</li></ul>
${rows.length > 0 && html`<details class="rest" open><summary>${of(rows.length + lostLeftOut, 'guard')} ended without a word</summary>${table('What each may have taken along', ['Guard', 'Last told', 'At most'], rows)}</details>`}
${gaps.length > 0 && html`<details class="rest" open><summary>${of(gaps.length + unwatched.leftOut, 'stretch', 'stretches')} of time not watched, ${durationOf(unwatched.seconds * 1000)} in all</summary>${table(html`The longest${unwatched.leftOut > 0 && html`; ${count(unwatched.leftOut)} more are shorter`}`, ['When', 'How long', 'Why', 'Guards'], gaps)}</details>`}`,
  );
}
