import { short } from '../page/chart-layout.js';

/** A column of a table for a terminal. */
export interface TextColumn<T> {
  readonly title: string;
  /** Columns of the terminal; one column of the table takes the rest. */
  readonly width: number | 'rest';
  /** The width of the terminal from which it is shown. */
  readonly from?: number;
  readonly right?: boolean;
  cell(row: T): string;
}

/** The columns that a terminal of a width has room for. */
export const columnsFor = <T>(width: number, columns: readonly TextColumn<T>[]) =>
  columns.filter(({ from = 0 }) => width >= from);

const gap = '  ';
const atMostForRest = 48;

/** A table whose lines are no wider than `width`: what does not fit is cut, and numbers are rounded down. */
export function layTable<T>(
  columns: readonly TextColumn<T>[],
  rows: readonly T[],
  width: number,
): readonly string[] {
  const fixed = columns.reduce(
    (sum, column) => sum + (column.width === 'rest' ? 0 : column.width),
    0,
  );
  const rest = Math.min(width - fixed - gap.length * (columns.length - 1), atMostForRest);
  const line = (cells: readonly string[]) =>
    columns
      .map((column, i) =>
        fitted(cells[i] ?? '', column.width === 'rest' ? rest : column.width, column.right),
      )
      .join(gap)
      .trimEnd();
  const heads = columns.map(({ title }) => title);
  const rule = columns.map((column) => '-'.repeat(column.width === 'rest' ? rest : column.width));
  return [
    line(heads),
    line(rule),
    ...rows.map((row) => line(columns.map((column) => column.cell(row)))),
  ];
}

function fitted(text: string, width: number, right = false): string {
  const whole = widthOf(text) <= width ? text : right ? shortened(text) : cut(text, width);
  const space = ' '.repeat(Math.max(0, width - widthOf(whole)));
  return right ? space + whole : whole + space;
}

const shortened = (number: string): string => short(Number(number.replaceAll(',', '')));

function cut(text: string, width: number): string {
  let taken = '';
  let columns = 0;
  for (const char of text) {
    columns += widthOf(char);
    if (columns > width - 1) break;
    taken += char;
  }
  return `${taken}…`;
}

const zero = /\p{M}/u;
const double =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** How many columns of a terminal a text takes; of a text without control characters. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const char of text) columns += zero.test(char) ? 0 : double.test(char) ? 2 : 1;
  return columns;
}

/** A text in lines no wider than `width`; all but the first are indented further, by `indent`. */
export function wrap(text: string, width: number, indent = ''): readonly string[] {
  const own = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = own;
  let empty = true;
  for (const word of text.slice(own.length).split(' ')) {
    let left = word;
    if (!empty && widthOf(`${line} ${left}`) > width) {
      lines.push(line);
      line = own + indent;
      empty = true;
    }
    while (empty && widthOf(line + left) > width) {
      const [char = ''] = left;
      const head = cut(left, width - widthOf(line) + 1).slice(0, -1) || char;
      lines.push(line + head);
      left = left.slice(head.length);
      line = own + indent;
    }
    line += empty ? left : ` ${left}`;
    empty = false;
  }
  return [...lines, line];
}
