import type { MigrationReport } from '../analysis/model.js';
import { doubtsOf, type Figure, figuresOf, verdictOf } from '../text/headline.js';
import { minute } from '../text/words.js';
import { html, type Markup } from './markup.js';
import { name, when } from './parts.js';

/** What the page is of. */
export function banner({ generatedAt, onlyCohort, plan }: MigrationReport): Markup {
  return html`<header class="top">
<h1>Migration report</h1>
<p class="meta">${onlyCohort !== undefined && html`<strong>Only cohort ${name(onlyCohort)}</strong> · `}Generated ${minute(generatedAt)} · Plan: ${plan.mode}${plan.deprecatedAt !== undefined && html`, deprecated ${when(plan.deprecatedAt)}`}${plan.sunsetAt !== undefined && html`, sunset ${when(plan.sunsetAt)}`}${guide(plan.guide)}</p>
</header>`;
}

/** The verdict and the figures. */
export function headline(report: MigrationReport): Markup {
  const doubts = doubtsOf(report);
  return html`<section aria-labelledby="headline-title">
<h2 id="headline-title" class="verdict">${verdictOf(report)}</h2>
${doubts.length > 0 && html`<p class="doubt"><strong>Read with care:</strong> ${doubts.join('; ')}. <a href="#quality">Data quality</a></p>`}
<dl class="figures">${figuresOf(report).map(tile)}</dl>
</section>
`;
}

const guide = (url: string | undefined) =>
  url !== undefined &&
  // Another scheme could run something.
  (/^https?:\/\//i.test(url)
    ? html` · <a href="${url}" rel="noreferrer">Guide for clients</a>`
    : html` · Guide: ${url}`);

const tile = ({ name: title, value, note, share }: Figure): Markup =>
  html`<div class="figure"><dt>${title}</dt><dd><span class="value">${value}</span>${share !== undefined && bar(share)}<span class="note">${note}</span></dd></div>`;

const bar = (share: number): Markup =>
  html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" width="100" height="4"/><rect class="fill" width="${Math.min(Math.max(share, 0), 100)}" height="4"/></svg>`;
