import type { MigrationReport } from './analysis/model.js';
import { rowOf } from './page/clients.js';
import { renderHtml } from './page/page.js';
import { renderText } from './text/text.js';
import { mostShown } from './text/words.js';

/** What is made of a report once, and is the same for all who see it. */
interface Renderings {
  json?: string;
  text?: string;
  page?: Promise<string>;
}

const made = new WeakMap<MigrationReport, Renderings>();

function renderingsOf(report: MigrationReport): Renderings {
  const held = made.get(report) ?? {};
  made.set(report, held);
  return held;
}

/** A report as JSON; made once. */
export function jsonOf(report: MigrationReport): string {
  const held = renderingsOf(report);
  held.json ??= JSON.stringify(report);
  return held.json;
}

/** A report as text of 80 columns; made once. */
export function textOf(report: MigrationReport): string {
  const held = renderingsOf(report);
  held.text ??= renderText(report);
  return held.text;
}

/** Resolves to a report as a page; made once, and in turns so that other work goes on meanwhile. */
export function pageOf(report: MigrationReport): Promise<string> {
  const held = renderingsOf(report);
  held.page ??= makePage(report);
  return held.page;
}

/** Rows of clients made in one turn: some 5 ms. */
const rowsInTurn = 50;

async function makePage(report: MigrationReport): Promise<string> {
  for (const [place, client] of report.clients.slice(0, mostShown).entries()) {
    rowOf(client, place, report);
    if (place % rowsInTurn === rowsInTurn - 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return renderHtml(report);
}
