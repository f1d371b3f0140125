import { styleText } from 'node:util';

const coloured = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (format: 'bold' | 'dim' | 'green' | 'red', text: string) =>
  coloured ? styleText(format, text) : text;

const width = 98;

/** Breaks a text into lines. */
function wrap(text: string): readonly string[] {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`.trim();
  }
  return lines;
}

/** Prints the story, and counts what went otherwise than it was told. */
export function createTeller() {
  let checked = 0;
  let failed = 0;
  return {
    title(text: string, more: string): void {
      console.log(`\n${paint('bold', text)}\n${wrap(more).join('\n')}`);
    },
    chapter(date: string, text: string): void {
      console.log(`\n${paint('bold', `${date}  ${text}`)}`);
    },
    say(text: string): void {
      for (const line of wrap(text)) console.log(`  ${line}`);
    },
    /** What somebody else has written. */
    quote(lines: readonly string[]): void {
      for (const line of lines) console.log(paint('dim', `    ${line}`.trimEnd()));
    },
    /** Two things that have to be the same. */
    check(what: string, actual: unknown, expected: unknown): void {
      const [is, ought] = [actual, expected].map((value) => JSON.stringify(value));
      checked += 1;
      console.log(`  ${is === ought ? paint('green', '✓') : paint('red', '✗')} ${what}`);
      if (is === ought) return;
      failed += 1;
      console.log(paint('red', `      it is    ${is}\n      not      ${ought}`));
    },
    /** The last line; tells whether all was well. */
    end(): boolean {
      const verdict = failed === 0 ? 'all as it was told' : `${failed} of them otherwise than told`;
      console.log(`\n${paint('bold', `${checked} checks, ${verdict}`)}`);
      return failed === 0;
    },
  };
}

export type Teller = ReturnType<typeof createTeller>;
