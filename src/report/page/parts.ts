import { count, day, minute, timeOf } from '../text/words.js';
import { html, type Markup, type Part } from './markup.js';

/** A name that a stranger gave: its direction does not reach beyond it. */
export const name = (value: string): Markup => html`<bdi class="name">${value}</bdi>`;

/** A code of ours or of theirs: a reason, a route, a user agent. */
export const code = (value: string): Markup => html`<code><bdi>${value}</bdi></code>`;

/** A day; the minute on hovering. */
export function when(iso: string | undefined, absent = 'never'): Markup {
  if (iso === undefined) return html`<span class="none">${absent}</span>`;
  const time = timeOf(iso);
  if (Number.isNaN(time)) return html`<time>${iso}</time>`;
  const exact = iso.length > 10 ? minute(iso) : day(iso);
  return html`<time datetime="${new Date(time).toISOString()}" title="${exact}">${day(iso)}</time>`;
}

/** A number, or what stands for one. */
export const amount = (value: number): Markup =>
  value === 0 ? html`<span class="none">0</span>` : html`${count(value)}`;

/** A section under a heading of its own. */
export const section = (id: string, title: Part, body: Part): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>
`;

const first = 6;

/** Entries of a list, and rows of a table, that a page has at most. */
export const mostEntries = 200;

/**
 * A list; what is beyond the first few is behind a disclosure, and what is beyond the first 200, or was
 * left out before, is a number.
 */
export function list(items: readonly Part[], what: string, leftOut = 0): Markup {
  const listOf = (some: readonly Part[]) =>
    html`<ul class="list">${some.map((item) => html`<li>${item}</li>`)}</ul>`;
  const more = Math.max(0, items.length - mostEntries) + leftOut;
  // Two more are shorter than the words that would hide them.
  if (more === 0 && items.length <= first + 2) return listOf(items);
  const rest = items.slice(first, mostEntries);
  const cut = more > 0 && html`<p class="hint">${count(more)} more are not on this page.</p>`;
  return html`${listOf(items.slice(0, first))}<details class="rest"><summary>${count(rest.length + more)} more ${what}</summary>${listOf(rest)}${cut}</details>`;
}

/** A small table. A column whose title ends in `#` is of numbers. */
export function table(
  caption: Part,
  heads: readonly string[],
  rows: readonly (readonly Part[])[],
): Markup {
  const more = rows.length - mostEntries;
  const numeric = heads.map((head) => head.endsWith('#'));
  const cell = (part: Part, i: number) =>
    i === 0
      ? html`<th scope="row">${part}</th>`
      : numeric[i]
        ? html`<td class="n">${part}</td>`
        : html`<td>${part}</td>`;
  return html`<table class="small"><caption>${caption}</caption>
<thead><tr>${heads.map((head, i) => (numeric[i] ? html`<th scope="col" class="n">${head.slice(0, -1)}</th>` : html`<th scope="col">${head}</th>`))}</tr></thead>
<tbody>${rows.slice(0, mostEntries).map((row) => html`<tr>${row.map(cell)}</tr>`)}</tbody></table>${more > 0 && html`<p class="hint">${count(more)} more are not on this page.</p>`}`;
}
