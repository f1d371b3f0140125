/** A table is `{ title, notes, rows }`; each row has the same keys, which are the columns. */
export function toText({ title, notes, rows }) {
  const columns = columnsOf(rows);
  const line = (cellOf) =>
    columns
      .map(({ name, width, right }) =>
        right ? cellOf(name).padStart(width) : cellOf(name).padEnd(width),
      )
      .join('  ')
      .trimEnd();
  return [
    title,
    line((name) => name),
    ...rows.map((row) => line((name) => row[name])),
    ...(notes ?? []).map((note) => `  ${note}`),
  ].join('\n');
}

export function toMarkdown({ title, notes, rows }) {
  const columns = columnsOf(rows);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    line(columns.map(({ name }) => name)),
    line(columns.map(({ right }) => (right ? '---:' : '---'))),
    ...rows.map((row) => line(columns.map(({ name }) => row[name]))),
    '',
    ...(notes ?? []).flatMap((note) => [note, '']),
  ].join('\n');
}

function columnsOf(rows) {
  return Object.keys(rows[0]).map((name) => ({
    name,
    width: Math.max(name.length, ...rows.map((row) => row[name].length)),
    right: rows.every((row) => /^[-+]?[\d–]/.test(row[name])),
  }));
}

/** Two to three digits that say something. */
export function figure(number) {
  const size = Math.abs(number);
  if (size >= 100) return number.toFixed(0);
  if (size >= 10) return number.toFixed(1);
  return number.toFixed(2);
}

export const times = (number) => `${figure(number)}×`;

/** The spread of a ratio: half of all rounds lie in it. */
export const spread = ({ low, high }) => `${figure(low)}–${figure(high)}`;
