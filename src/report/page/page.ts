import { createHash } from 'node:crypto';
import type { MigrationReport } from '../analysis/model.js';
import { qualityOf } from '../text/headline.js';
import { count, day } from '../text/words.js';
import { attention, casesOf, linksTo } from './attention.js';
import { chartSection } from './chart.js';
import { clientSection } from './clients.js';
import { brownoutSection, otherFindings, quality } from './findings.js';
import { banner, headline } from './headline.js';
import { constant, html, type Markup, toText } from './markup.js';
import { script } from './script.js';
import { style } from './style.js';

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

// In a meta element frame-ancestors means nothing, and browsers complain of it.
const inPage = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The value of a Content-Security-Policy header to serve the page with: it needs no more than this. */
export const contentSecurityPolicy = `${inPage}; frame-ancestors 'none'`;

/**
 * A report as one HTML document that loads nothing from anywhere, and works without its script.
 * What strangers wrote is text in it and nothing else.
 */
export function renderHtml(report: MigrationReport): string {
  const { generatedAt, onlyCohort } = report;
  const linked = linksTo(report);
  return toText(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${constant(inPage)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex, nofollow">
<title>Migration report, ${day(generatedAt)}${onlyCohort !== undefined && html`, cohort ${onlyCohort}`}</title>
<style>${constant(style)}</style>
</head>
<body>
${banner(report)}
${contents(report)}
<main>
${headline(report)}${chartSection(report)}${attention(report, linked)}${clientSection(report)}${otherFindings(report, linked)}${brownoutSection(report, linked)}${quality(report, qualityOf(report))}</main>
<script>${constant(script)}</script>
</body>
</html>
`);
}

function contents(report: MigrationReport): Markup {
  const links = [
    ['traffic', 'Traffic'],
    ['attention', 'Action required', casesOf(report)],
    ['clients', 'Clients', report.clients.length + (report.leftOut?.clients ?? 0)],
    ['findings', 'Findings'],
    ['brownouts', 'Brownouts'],
    ['quality', 'Data quality'],
  ] as const;
  return html`<nav aria-label="On this page"><ul>${links.map(([id, title, many]) => html`<li><a href="#${id}">${title}${many !== undefined && html` <span class="count">${count(many)}</span>`}</a></li>`)}</ul></nav>`;
}
