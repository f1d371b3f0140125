import { tableStyle } from './style-table.js';

const base = `
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --card: #ffffff; --soft: #f2f3f1; --line: #dcdfda; --edge: #868d86;
  --ink: #1c211d; --dim: #59615a; --link: #0b5c8a; --focus: #0b5c8a;
  --token: #0a6e5e; --key: #a34700; --bad: #ab1f1f; --bad-soft: #fbeeec; --warn-soft: #fdf4e3;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131614; --card: #1a1e1b; --soft: #222723; --line: #333a35; --edge: #7d877f;
    --ink: #e4e8e4; --dim: #a3ada5; --link: #86c5ee; --focus: #86c5ee;
    --token: #56c7b1; --key: #f0a060; --bad: #ff958a; --bad-soft: #33201e; --warn-soft: #2d2716;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { background: var(--page); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-top: 3.5rem; }
body {
  margin: 0 auto; padding: 0 1.5rem 4rem; max-width: 80rem; background: var(--page); color: var(--ink);
  font: 0.9375rem/1.5 var(--sans); font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
h1, h2, h3, p, dl, dd, ul, ol, figure { margin: 0; padding: 0; }
h1 { font-size: 1rem; font-weight: 650; letter-spacing: 0.01em; }
h2 { font-size: 1.25rem; font-weight: 650; line-height: 1.3; margin-bottom: 0.75rem; text-wrap: balance; }
h3 { font-size: 0.9375rem; font-weight: 650; }
section { margin-top: 3rem; }
section > h3 { margin: 1.5rem 0 0.5rem; }
a { color: var(--link); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 0.18em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
:target { scroll-margin-top: 3.5rem; }
[hidden] { display: none !important; }
code { font: 0.875em/1.4 var(--mono); }
time[datetime] { white-space: nowrap; }
ul, ol { list-style: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.none, .hint, .often, .who, .meta, .note { color: var(--dim); }
.count { color: var(--dim); font-weight: 400; font-size: 0.875em; margin-left: 0.15em; }
.n { text-align: right; }

.top { display: flex; flex-wrap: wrap; gap: 0 1.25rem; align-items: baseline; padding: 1.25rem 0 0.75rem; }
.meta { font-size: 0.875rem; }
.meta strong { color: var(--ink); }
nav { position: sticky; top: 0; z-index: 3; background: var(--page); border-bottom: 1px solid var(--line); }
nav ul { display: flex; gap: 0 1.25rem; overflow-x: auto; scrollbar-width: none; }
nav a { display: block; padding: 0.6rem 0; color: var(--ink); text-decoration: none; white-space: nowrap; font-size: 0.875rem; }
nav a:hover { text-decoration: underline; }
nav a:focus-visible { outline-offset: -3px; }

main > section:first-child { margin-top: 1.75rem; }
.verdict { font-size: clamp(1.375rem, 1rem + 1.8vw, 1.875rem); line-height: 1.25; letter-spacing: -0.01em; max-width: 62rem; }
.doubt { background: var(--warn-soft); border-left: 3px solid var(--key); padding: 0.5rem 0.75rem; border-radius: 2px; font-size: 0.875rem; }
.figures { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1px; margin-top: 1.25rem; background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.figure { background: var(--card); padding: 0.9rem 1.1rem 1rem; }
.figure:nth-child(7) { grid-column: span 2; }
.figure dt { font-size: 0.8125rem; color: var(--dim); }
.figure dd { display: flex; flex-direction: column; gap: 0.3rem; }
.value { font-size: 1.625rem; font-weight: 650; line-height: 1.3; letter-spacing: -0.015em; text-wrap: balance; }
.note { font-size: 0.8125rem; line-height: 1.4; }
.bar { display: block; width: 100%; height: 4px; border-radius: 2px; }
.track { fill: var(--line); }
.fill { fill: var(--token); }
.bar.keys .fill { fill: var(--key); }

.chart { display: block; width: 100%; height: auto; font: 12px var(--sans); }
.chart.middle, .chart.narrow { display: none; }
.grid { stroke: var(--line); }
.tick { fill: var(--dim); }
.line { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.line.key { stroke: var(--key); stroke-dasharray: 7 5; }
.line.token { stroke: var(--token); }
.line.daily { stroke-width: 1; stroke-dasharray: none; opacity: 0.45; }
.dot { stroke: var(--page); stroke-width: 1.5; }
.dot.key, .line-label.key { fill: var(--key); }
.dot.token, .line-label.token { fill: var(--token); }
.line-label { font-size: 13px; font-weight: 650; }
.mark { stroke: var(--dim); stroke-width: 1.25; stroke-dasharray: 2 3; }
.mark.sunset { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: none; }
.mark-label { fill: var(--ink); font-weight: 650; }
.brownout { fill: var(--dim); }
.brownout-line { stroke: var(--edge); stroke-width: 0.75; stroke-dasharray: 1 4; }
figcaption { color: var(--dim); font-size: 0.875rem; max-width: 60rem; margin-top: 0.5rem; }

.groups { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 2rem 2.5rem; align-items: start; }
.hint { font-size: 0.8125rem; }
.list > li { padding: 0.5rem 0; border-top: 1px solid var(--line); }
.hint + .list { margin-top: 0.5rem; }
.group .list > li:first-child { border-top-color: var(--edge); }
#quality > .list { max-width: 52rem; margin-top: 0.75rem; }
.reason { display: block; font-size: 0.875rem; margin-top: 0.1rem; }
.who, .often { font-size: 0.875rem; }
.callers { margin-top: 0.5rem; border-top: 1px solid var(--edge); }
.callers li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.1rem 1rem; padding: 0.45rem 0; }
.callers .bar { grid-column: 1 / -1; }
.rest { margin-top: 0.75rem; }
.brownout-row { border-top: 1px solid var(--line); margin: 0; padding: 0.5rem 0; }
.hint + .brownout-row { margin-top: 0.5rem; }
summary { cursor: pointer; min-height: 1.5rem; width: fit-content; max-width: 100%; }
.rest > summary { color: var(--link); font-size: 0.875rem; padding: 0.15rem 0; }
.brownout-row > summary { color: var(--ink); font-size: 0.9375rem; }
summary:hover { text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 0.18em; }
.back.key, .back.never { font-weight: 650; }

@media (max-width: 58rem) {
  .chart.wide { display: none; }
  .chart.middle { display: block; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (max-width: 40rem) {
  body { padding: 0 1rem 3rem; }
  section { margin-top: 2.5rem; }
  .figure { padding: 0.7rem 0.8rem 0.8rem; }
  .value { font-size: 1.375rem; }
  .chart.middle { display: none; }
  .chart.narrow { display: block; }
}
`;

// Last, for it takes back what the others say.
const media = `
@media (prefers-reduced-motion: no-preference) {
  html { scroll-behavior: smooth; }
}
@media (forced-colors: active) {
  .fill, .bar.keys .fill, .dot.key, .dot.token, .brownout { fill: CanvasText; }
  .bar { border: 1px solid CanvasText; height: 6px; }
  .track { fill: Canvas; }
  .line.key, .line.token, .mark, .mark.sunset { stroke: CanvasText; }
  .grid, .brownout-line { stroke: GrayText; }
  .tick, .mark-label, .line-label.key, .line-label.token { fill: CanvasText; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --soft: #fff; --ink: #000; --dim: #444; --line: #bbb; --link: #000; --token: #0a6e5e; --key: #a34700; --bad: #ab1f1f; }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  nav, .filter { display: none; }
  section { margin-top: 1.5rem; }
  h2, h3, caption, .hint { break-after: avoid; }
  li, .figure, figure, tr { break-inside: avoid; }
  a { text-decoration: none; }
}
`;

/** The page's style, whole: it loads nothing. */
export const style = base + tableStyle + media;
