import type { ClientReport, KeyReport, MigrationReport } from '../analysis/model.js';
import { ago, count, day, of, refOf } from '../text/words.js';
import { reason } from './attention.js';
import { html, type Markup, type Part } from './markup.js';
import { code, list, name, when } from './parts.js';

/** Returns the details of a client; when closed, they show why it is safe to cut, or why not. */
export function clientDetails(client: ClientReport, report: MigrationReport): Markup {
  const { safeToCut, keys, routes, agents, refusals, unverified, wouldDeny } = client;
  const { leftOut = {} } = client;
  return html`<details><summary><span class="unseen">Details of ${name(refOf(client))}: </span>${safeToCut.why}</summary><div class="details">
${facts(client, report)}
${block('Keys', keys.map(keyOf), { what: 'keys', more: leftOut.keys })}
${block(
  'Routes still used with API keys',
  routes.map((one) => html`${code(one.route)} ${often(one)}`),
  { what: 'routes', more: leftOut.routes },
)}
${block(
  'User agents that still send API keys',
  agents.map((one) => html`${code(one.agent)} ${often(one)}`),
  { what: 'user agents', more: leftOut.agents },
)}
${block('Rejected', refusals.map(reason), { what: 'reasons', more: leftOut.refusals })}
${block('Unverified: rejected tokens that name this client', unverified.map(reason), { what: 'reasons', more: leftOut.unverified })}
${block(
  'Report-only checks would reject',
  wouldDeny.map((one) => html`${code(one.reason)} ${often(one)}`),
  { what: 'reasons', more: leftOut.wouldDeny },
)}
</div></details>`;
}

const often = ({ count: times, last }: { readonly count: number; readonly last: string }): Markup =>
  html`<span class="often">${of(times, 'time')}, last ${day(last)}</span>`;

const keyOf = ({ id, lastUse, month, createdBy }: KeyReport): Markup =>
  html`${name(id)} <span class="often">${lastUse === undefined ? 'never used' : html`${of(month, 'request')} in 30 days, last ${when(lastUse)}`}${createdBy !== undefined && html`; created by ${name(createdBy)}`}</span>`;

interface Listed {
  readonly what: string;
  /** What was left out of the list before. */
  readonly more: number | undefined;
}

const block = (title: string, items: readonly Part[], { what, more }: Listed): Markup | false =>
  items.length > 0 &&
  html`<div><p class="block-title">${title}</p>${list(items, what, more)}</div>`;

function facts(client: ClientReport, { generatedAt }: MigrationReport): Markup {
  const { keyRequests, tokenRequests, refusedRequests, safeToCut, firstTokenUse } = client;
  const { sunsetAt, daysToSunset } = client;
  const left =
    daysToSunset !== undefined &&
    sunsetAt !== undefined &&
    (daysToSunset < 0 ? `, ${ago(sunsetAt, generatedAt)}` : `, in ${of(daysToSunset, 'day')}`);
  const rows: readonly (readonly [string, Part])[] = [
    ['Today', `${of(keyRequests.day, 'key request')}, ${count(tokenRequests.day)} with a token`],
    [
      'Rejected',
      `${count(refusedRequests.day)} today, ${count(refusedRequests.week)} in 7 days, ${count(refusedRequests.month)} in 30`,
    ],
    ['First token', when(firstTokenUse)],
    [
      'Longest gap',
      safeToCut.longestGapDays === undefined ? 'not known' : of(safeToCut.longestGapDays, 'day'),
    ],
    ['Days required without a key', count(safeToCut.quietDays)],
    ['Sunset', html`${when(sunsetAt, 'none')}${left}`],
  ];
  return html`<dl class="facts">${rows.map(([title, value]) => html`<div><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`;
}
