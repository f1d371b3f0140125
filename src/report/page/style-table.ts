const statusShapes = `
.pill { display: inline-flex; align-items: baseline; gap: 0.4em; white-space: nowrap; font-weight: 550; }
.pill::before { content: ""; flex: none; width: 0.6em; height: 0.6em; border: 0.14em solid currentColor; border-radius: 50%; }
.pill.blocked, .pill.overdue { color: var(--bad); }
.pill.blocked::before { border-radius: 0; background: currentColor; rotate: 45deg; scale: 0.9; }
.pill.overdue::before { border-radius: 0; background: currentColor; }
.pill.on-keys { color: var(--key); }
.pill.in-progress::before { background: linear-gradient(90deg, currentColor 50%, transparent 50%); }
.pill.inactive, .pill.extended, .pill.unknown { color: var(--dim); }
.pill.extended::before { border-radius: 0; }
.pill.unknown::before { border-style: dashed; }
.pill.migrated { color: var(--token); }
.pill.migrated::before { background: currentColor; }
.yes { color: var(--token); font-weight: 650; }
@media (forced-colors: active) {
  .pill::before { forced-color-adjust: none; }
}
`;

const tables = `
table { border-collapse: collapse; width: 100%; }
th { font-weight: 550; text-align: left; }
caption { text-align: left; color: var(--dim); font-size: 0.8125rem; padding-bottom: 0.4rem; }
th, td { padding: 0.35rem 0.5rem; vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; }
.small { width: auto; min-width: min(26rem, 100%); font-size: 0.875rem; margin: 0.5rem 0 0.75rem; }
.small tr { border-bottom: 1px solid var(--line); }
.small tbody th { font-weight: inherit; }
.small thead th { color: var(--dim); font-size: 0.8125rem; }
.small th.n, .small td.n { text-align: right; white-space: nowrap; }

.filter { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: end; margin-bottom: 0.75rem; }
.field { display: flex; flex-direction: column; gap: 0.2rem; min-width: 0; }
.field.grow { flex: 1 1 20rem; max-width: 32rem; }
.field label { font-size: 0.8125rem; color: var(--dim); }
input, select, .filter button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--edge); border-radius: 5px; padding: 0.35rem 0.6rem; min-height: 2.25rem; max-width: 100%; }
.filter button { cursor: pointer; }
.filter button:hover { background: var(--soft); }
#filter-told { flex: 1 1 100%; font-size: 0.8125rem; color: var(--dim); }

.clients, .clients caption, .clients thead, .clients tbody, .clients .more, .clients .more td { display: block; }
.clients { font-size: 0.8125rem; line-height: 1.4; }
.clients thead { position: sticky; top: 2.75rem; z-index: 2; background: var(--page); color: var(--dim); border-bottom: 1px solid var(--edge); }
.clients thead tr, .clients tbody tr:first-child {
  display: grid; gap: 0 0.75rem; align-items: baseline;
  grid-template-columns: 11.5fr 13fr 6.5fr 7.5fr 8.5fr 7.5fr 7.5fr 4.8fr 5fr 5fr 5.2fr 9.5fr;
}
.clients thead tr { align-items: end; }
.clients tr > * { padding: 0; min-width: 0; }
.clients thead th { line-height: 1.25; overflow-wrap: normal; }
/* What is not on the screen is not laid out: two thousand clients sort at once. */
.clients.many tbody { content-visibility: auto; contain-intrinsic-size: auto 4rem; }
.clients tbody { padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
.clients tbody th { font-weight: 650; }
.clients .more { margin-top: 0.1rem; }
.clients tbody:target { background: var(--warn-soft); }
.more summary { color: var(--dim); }
.more details[open] > summary { color: var(--ink); }
.clients thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0.25rem 0; margin: 0; min-height: 1.75rem; cursor: pointer; text-align: inherit; }
.clients thead button:hover { color: var(--ink); text-decoration: underline; text-underline-offset: 0.18em; }
.clients thead button::after { content: "\\2195"; margin-left: 0.25em; opacity: 0.55; font-size: 0.9em; }
.clients [aria-sort] { color: var(--ink); }
.clients [aria-sort="ascending"] button::after { content: "\\2191"; opacity: 1; }
.clients [aria-sort="descending"] button::after { content: "\\2193"; opacity: 1; }

.details { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1rem 2rem; padding: 0.75rem 0 0.5rem 1rem; border-left: 2px solid var(--line); margin: 0.4rem 0 0.4rem 0.25rem; }
.block-title { font-weight: 650; margin-bottom: 0.2rem; }
.details .list > li { padding: 0.3rem 0; }
.details .often { font-size: inherit; }
.facts > div { display: flex; gap: 0.5rem; justify-content: space-between; padding: 0.3rem 0; border-top: 1px solid var(--line); }
.facts dt { color: var(--dim); flex: none; }
.facts dd { text-align: right; }
.legend { display: grid; gap: 0.35rem; margin-top: 0.5rem; font-size: 0.875rem; }
.legend > div { display: grid; grid-template-columns: 7.5rem 1fr; gap: 0.75rem; }
`;

// Cards, where twelve columns have no room: labels are the style's, for the table has its heads.
const cards = `
@media screen and (max-width: 70rem) {
  .clients { font-size: 0.875rem; }
  .clients thead { position: static; border: 0; }
  .clients:not(.live) thead { display: none; }
  .clients thead tr { display: flex; flex-wrap: wrap; gap: 0.35rem; margin-bottom: 0.75rem; }
  .clients thead button { border: 1px solid var(--line); border-radius: 5px; padding: 0.2rem 0.5rem; min-height: 2rem; font-size: 0.8125rem; }
  .clients [aria-sort] button { border-color: var(--ink); }
  .clients.many tbody { contain-intrinsic-size: auto 20rem; }
  .clients tbody { padding: 0.75rem 0; }
  .clients tbody tr:first-child { grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: 0.5rem 0.75rem; }
  .clients tbody tr:first-child > * { text-align: left; }
  .clients tbody th.client { grid-column: 1 / -1; font-size: 1rem; }
  .clients tbody td.cut { grid-column: span 2; }
  .clients .more { margin-top: 0.5rem; }
  .clients tbody td::before { display: block; color: var(--dim); font-size: 0.75rem; }
  .clients .more td::before { display: none; }
  .clients td:nth-child(2)::before { content: "Owner"; }
  .clients td:nth-child(3)::before { content: "Cohort"; }
  .clients td:nth-child(4)::before { content: "Mode"; }
  .clients td:nth-child(5)::before { content: "Status"; }
  .clients td:nth-child(6)::before { content: "Last key"; }
  .clients td:nth-child(7)::before { content: "Last token"; }
  .clients td:nth-child(8)::before { content: "Keys 7 d"; }
  .clients td:nth-child(9)::before { content: "Keys 30 d"; }
  .clients td:nth-child(10)::before { content: "Tokens 7 d"; }
  .clients td:nth-child(11)::before { content: "Tokens 30 d"; }
  .clients td:nth-child(12)::before { content: "Safe to cut"; }
  .details { padding-left: 0.75rem; }
}
@media screen and (max-width: 40rem) {
  .clients tbody tr:first-child { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  input, select, .filter button { font-size: 1rem; min-height: 2.75rem; }
  .field { flex: 1 1 8rem; }
  .clients thead button { min-height: 2.25rem; }
  .legend > div { grid-template-columns: 1fr; gap: 0; }
}
@media print {
  .clients { font-size: 6.5pt; }
  .clients thead tr, .clients tbody tr:first-child { column-gap: 0.4rem; }
  .clients td.n { white-space: nowrap; }
  .clients thead { position: static; }
  .clients thead button::after { content: none; }
  .clients.many tbody { content-visibility: visible; }
  .clients tbody { break-inside: avoid; }
}
`;

/** The style of tables, of the clients' above all. */
export const tableStyle = tables + statusShapes + cards;
