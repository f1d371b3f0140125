import type { ClientReport, MigrationReport, Refused, Risk } from '../analysis/model.js';
import { ago, count, day, of, placesOf, refOf } from '../text/words.js';
import { short } from './chart-layout.js';
import { html, type Markup, type Part } from './markup.js';
import { code, list, name, section } from './parts.js';

/** A link to the row of a client; its name alone where it has none. */
export type Linked = (client: string) => Markup;

/** Links to the rows of a report's clients. */
export function linksTo(report: MigrationReport): Linked {
  const places = placesOf(report);
  return (client) => {
    const place = places.get(client);
    return place === undefined
      ? name(client)
      : html`<a href="#client-${place}">${name(client)}</a>`;
  };
}

/** How many cases require action. */
export function casesOf({ clients, failing, risks, leftOut = {} }: MigrationReport): number {
  const troubled = clients.filter(({ status }) => status === 'blocked' || status === 'overdue');
  const named = new Set([...troubled.map(refOf), ...failing]);
  return named.size + (leftOut.failing ?? 0) + risks.length + (leftOut.risks ?? 0);
}

/** What requires action first. */
export function attention(report: MigrationReport, linked: Linked): Markup {
  const { clients, statuses, failing, risks, leftOut = {} } = report;
  const blocked = clients.filter(({ status }) => status === 'blocked');
  const overdue = clients.filter(({ status }) => status === 'overdue');
  const told = new Set(blocked.map(refOf));
  const others = new Set(failing.filter((client) => !told.has(client)));
  const refused = clients.filter((one) => others.has(refOf(one)));
  const groups = [
    group(
      'Blocked',
      'these clients send tokens, and none is accepted',
      blocked.map((one) => failure(one, linked)),
      statuses.blocked.clients - blocked.length,
    ),
    group(
      'Overdue',
      'still on API keys, with the sunset near or past',
      overdue.map((one) => late(one, report, linked)),
      statuses.overdue.clients - overdue.length,
    ),
    group(
      'Rejected tokens',
      'from clients whose other tokens or API keys are accepted',
      refused.map((one) => failure(one, linked)),
    ),
    group(
      'Risks',
      'in the use of API keys, or in the plan',
      risks.map((risk) => riskOf(risk, linked)),
      leftOut.risks,
    ),
  ];
  const quiet = groups.every((one) => one === undefined);
  return section(
    'attention',
    'Action required',
    html`${quiet && html`<p>No client is blocked or overdue, no token was rejected, and no risk was found.</p>`}<div class="groups">${groups}${callers(report, linked)}</div>`,
  );
}

function group(...[title, hint, items, leftOut = 0]: Group): Markup | undefined {
  if (items.length === 0) return undefined;
  return html`<div class="group"><h3>${title} <span class="count">${count(items.length + leftOut)}</span></h3><p class="hint">${hint}</p>${list(items, 'of these', leftOut)}</div>`;
}
type Group = readonly [title: string, hint: string, items: readonly Part[], leftOut?: number];

const ownerOf = ({ owner, cohort }: ClientReport): Markup =>
  html` <span class="who">${owner ?? 'no owner known'}${cohort !== undefined && html`, cohort ${cohort}`}</span>`;

const mostReasons = 3;

const failure = (client: ClientReport, linked: Linked): Markup =>
  html`${linked(refOf(client))}${ownerOf(client)}${client.refusals.slice(0, mostReasons).map((refusal) => html`<span class="reason">${reason(refusal)}</span>`)}`;

/** Why a client was refused, and how often. */
export const reason = ({ reason: why, count: often, last }: Refused): Markup =>
  html`${code(why)} ${of(often, 'time')}, last ${day(last)}`;

function late(client: ClientReport, { generatedAt }: MigrationReport, linked: Linked): Markup {
  const { daysToSunset: days, sunsetAt, keyRequests } = client;
  const sunset =
    days === undefined
      ? sunsetAt && html`sunset ${day(sunsetAt)}`
      : days < 0 && sunsetAt !== undefined
        ? `sunset ${ago(sunsetAt, generatedAt)}`
        : `sunset in ${of(days, 'day')}`;
  return html`${linked(refOf(client))}${ownerOf(client)}<span class="reason">${sunset && html`${sunset}; `}${of(keyRequests.week, 'key request')} in 7 days</span>`;
}

const kinds: Readonly<Record<Risk['kind'], string>> = {
  'key-in-url': 'API key in the URL',
  'key-beside-token': 'API key beside a token',
  'personal-key': 'Personal API key',
  'short-notice': 'Short notice',
  'late-check': 'Check not enforced',
};

const riskOf = ({ kind, client, key, detail }: Risk, linked: Linked): Markup =>
  html`<strong>${kinds[kind] ?? kind}</strong>${client !== undefined && html` ${linked(client)}`}${key !== undefined && html` <span class="who">key ${name(key)}</span>`}<span class="reason">${detail}</span>`;

function callers({ topKeyUsers, clients }: MigrationReport, linked: Linked): Markup | false {
  const byName = new Map(clients.map((client) => [refOf(client), client]));
  const users = topKeyUsers.map((id) => byName.get(id)).filter((one) => one !== undefined);
  const most = users[0]?.keyRequests.month ?? 0;
  if (most === 0) return false;
  const items = users.map((client) => {
    const { month } = client.keyRequests;
    return html`<li>${linked(refOf(client))}<span class="often">${short(month)}</span><svg class="bar keys" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" width="100" height="4"/><rect class="fill" width="${Math.max(1, Math.round((month / most) * 100))}" height="4"/></svg></li>`;
  });
  return html`<div class="group"><h3>Most key requests</h3><p class="hint">in 30 days, accepted or not</p><ol class="callers">${items}</ol></div>`;
}
