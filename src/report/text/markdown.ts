import type { MigrationReport } from '../analysis/model.js';
import { doubtsOf, figuresOf, qualityOf, verdictOf } from './headline.js';
import { clientColumns, title } from './text.js';
import { count, mostShown, notShown, shown } from './words.js';

/**
 * A report's headline and its clients as Markdown, with the tables of GitHub. What strangers wrote
 * stands in code spans, in which nothing is a link, a mention or an element.
 */
export function renderMarkdown(report: MigrationReport): string {
  const doubts = doubtsOf(report);
  const lines = [
    `# ${safe(title(report))}`,
    '',
    safe(verdictOf(report)),
    '',
    ...(doubts.length > 0 ? [`**Read with care:** ${safe(doubts.join('; '))}.`, ''] : []),
    ...figuresOf(report).map(
      ({ name, value, note }) => `- ${name}: **${safe(value)}** (${safe(note)})`,
    ),
  ];
  if (report.clients.length > 0) {
    const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
    const cells = report.clients
      .slice(0, mostShown)
      .map((client) => clientColumns.map(({ cell }) => span(cell(client))));
    lines.push('', '## Clients', '', row(clientColumns.map(({ title: head }) => head)));
    lines.push(row(clientColumns.map(({ right }) => (right ? '---:' : '---'))), ...cells.map(row));
    const more = notShown(report);
    if (more > 0) lines.push('', `And ${count(more)} more, all less urgent.`);
  }
  lines.push('', '## Data quality', '', ...qualityOf(report).map((one) => `- ${safe(one)}`));
  return `${lines.join('\n')}\n`;
}

const plain = /^[\w ,:;.()%/+–\u00a0'-]*$/u;

// Sentences of ours stay text; one with a stranger's word in it that could mean something does not.
const safe = (text: string): string => (plain.test(text) ? text : span(text));

const span = (text: string): string =>
  plain.test(text) && !/_|\/\/|www/.test(text) ? text : `\`${spelled(text)}\``;

// Neither can be escaped in a code span of a table.
const spelled = (text: string): string =>
  shown(text).replaceAll('`', '\\u{60}').replaceAll('|', '\\u{7c}');
