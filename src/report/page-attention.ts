import { short } from './chart.js';
import type { ClientReport, MigrationReport, Refused, Risk } from './model.js';
import { html, type Markup, type Part } from './page-markup.js';
import { code, list, name, section } from './page-parts.js';
import { count, day, of, placesOf } from './text-words.js';

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

/** How many cases need a person. */
export function casesOf({ clients, failing, risks }: MigrationReport): number {
  const troubled = clients.filter(({ status }) => status === 'blocked' || status === 'overdue');
  const named = new Set([...troubled.map(({ client }) => client), ...failing]);
  return named.size + risks.length;
}

/** What needs a person: the first of the page to act upon. */
export function attention(report: MigrationReport, linked: Linked): Markup {
  const { clients, failing, risks } = report;
  const blocked = clients.filter(({ status }) => status === 'blocked');
  const overdue = clients.filter(({ status }) => status === 'overdue');
  const told = new Set(blocked.map(({ client }) => client));
  const others = new Set(failing.filter((client) => !told.has(client)));
  const refused = clients.filter(({ client }) => others.has(client));
  const groups = [
    group(
      'Blocked',
      'they try, and none of their tokens is accepted',
      blocked.map((one) => failure(one, linked)),
    ),
    group(
      'Overdue',
      'still on keys, with the sunset near or over',
      overdue.map((one) => late(one, linked)),
    ),
    group(
      'Tokens refused',
      'of clients whose other tokens, or keys, work',
      refused.map((one) => failure(one, linked)),
    ),
    group(
      'Risks',
      'in how keys are used, or in the plan',
      risks.map((risk) => riskOf(risk, linked)),
    ),
  ];
  const quiet = groups.every((one) => one === undefined);
  return section(
    'attention',
    'Needs a person',
    html`${quiet && html`<p>Nobody is blocked or overdue, no token was refused, and no risk was seen.</p>`}<div class="groups">${groups}${callers(report, linked)}</div>`,
  );
}

const group = (title: string, hint: string, items: readonly Part[]): Markup | undefined =>
  items.length === 0
    ? undefined
    : html`<div class="group"><h3>${title} <span class="count">${count(items.length)}</span></h3><p class="hint">${hint}</p>${list(items, 'of these')}</div>`;

const ownerOf = ({ owner, cohort }: ClientReport): Markup =>
  html` <span class="who">${owner ?? 'no owner known'}${cohort !== undefined && html`, cohort ${cohort}`}</span>`;

const mostReasons = 3;

const failure = (client: ClientReport, linked: Linked): Markup =>
  html`${linked(client.client)}${ownerOf(client)}${client.refusals.slice(0, mostReasons).map((refusal) => html`<span class="reason">${reason(refusal)}</span>`)}`;

/** Why a client was refused, how often, and whether that is certain. */
export const reason = ({ reason: why, count: often, last, verified }: Refused): Markup =>
  html`${code(why)} ${of(often, 'time')}, last ${day(last)}${!verified && ', as the refused token says'}`;

function late(client: ClientReport, linked: Linked): Markup {
  const { daysToSunset: days, sunsetAt, keyRequests } = client;
  const sunset =
    days === undefined
      ? sunsetAt && html`sunset ${day(sunsetAt)}`
      : days < 0
        ? `sunset ${of(-days, 'day')} ago`
        : `sunset in ${of(days, 'day')}`;
  return html`${linked(client.client)}${ownerOf(client)}<span class="reason">${sunset && html`${sunset}; `}${of(keyRequests.week, 'key request')} in 7 days</span>`;
}

const kinds: Readonly<Record<Risk['kind'], string>> = {
  'key-in-url': 'Key in the URL',
  'key-beside-token': 'Key beside a token',
  'personal-key': 'Key of a person',
  'short-notice': 'Short notice',
  'late-check': 'Check still to come',
};

const riskOf = ({ kind, client, key, detail }: Risk, linked: Linked): Markup =>
  html`<strong>${kinds[kind] ?? kind}</strong>${client !== undefined && html` ${linked(client)}`}${key !== undefined && html` <span class="who">key ${name(key)}</span>`}<span class="reason">${detail}</span>`;

function callers({ topKeyUsers, clients }: MigrationReport, linked: Linked): Markup | false {
  const byName = new Map(clients.map((client) => [client.client, client]));
  const users = topKeyUsers.map((id) => byName.get(id)).filter((one) => one !== undefined);
  const most = users[0]?.keyRequests.month ?? 0;
  if (most === 0) return false;
  const items = users.map(
    ({ client, keyRequests: { month } }) =>
      html`<li>${linked(client)}<span class="often">${short(month)}</span><svg class="bar keys" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" width="100" height="4"/><rect class="fill" width="${Math.max(1, Math.round((month / most) * 100))}" height="4"/></svg></li>`,
  );
  return html`<div class="group"><h3>Most key requests</h3><p class="hint">in 30 days, accepted or not</p><ol class="callers">${items}</ol></div>`;
}
