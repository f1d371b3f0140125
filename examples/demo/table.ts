import { styleText } from 'node:util';
import { type Answer, read } from './answer.js';

const coloured = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (format: 'bold' | 'dim' | 'green' | 'red', text: string) =>
  coloured ? styleText(format, text) : text;

function row(text: string, statuses: readonly unknown[], code: string, told: string): string {
  const columns = statuses.map((status) => String(status).padEnd(7));
  return [text.padEnd(38), ...columns, code.padEnd(24), told].join('  ').trimEnd();
}

const inWords = ({ status, code, told, notices }: Answer) =>
  [`${status} ${code} ${told}`.trimEnd(), ...notices].join(' | ');

// RFC 9745 counts seconds since 1970, as nobody reads them.
const readable = (notice: string) =>
  notice.replace(/@(\d+)$/, (date, seconds) => {
    return `${date}, which is ${new Date(Number(seconds) * 1000).toUTCString()}`;
  });

/** What a story is told with. */
export type Table = ReturnType<typeof createTable>;

/** Prints a story line by line, and counts what went otherwise than it was told. */
export function createTable(names: readonly string[]) {
  let requests = 0;
  let failures = 0;

  function line(text: string, mistakes: readonly string[], more: readonly string[] = []): void {
    const fine = mistakes.length === 0;
    if (!fine) failures += 1;
    console.log(`  ${fine ? paint('green', '✓') : paint('red', '✗')} ${text}`);
    for (const one of more) console.log(paint('dim', `        ${one}`));
    for (const mistake of mistakes) console.log(paint('red', `      ${mistake}`));
  }

  function mistakesIn(answers: readonly Answer[], expected: string): readonly string[] {
    const named = (of: (answer: Answer) => string) =>
      answers.map((answer, i) => `${names[i]} answered: ${of(answer)}`);
    if (!answers.every((answer) => inWords(answer) === expected)) {
      return [...named(inWords), `       expected: ${expected}`];
    }
    const alike = new Set(answers.map(({ whole }) => whole)).size === 1;
    return alike ? [] : named(({ whole }) => whole);
  }

  return {
    title(text: string, more: string): void {
      const head = `    ${row('', names, 'code', 'WWW-Authenticate, shortened, or Retry-After')}`;
      console.log(`\n${paint('bold', text)}\n${more}\n\n${paint('dim', head)}`);
    },

    section(text: string): void {
      console.log(`\n  ${paint('bold', text)}`);
    },

    /**
     * One request to each API: all have to answer as expected, and alike to the letter. What is
     * expected is the status and, of a refusal, its code and what a header tells the client; then
     * each header that announces the end of keys.
     */
    async answers(
      text: string,
      responses: readonly Response[],
      expected: readonly string[],
    ): Promise<void> {
      const answers = await Promise.all(responses.map(read));
      requests += answers.length;
      const statuses = answers.map(({ status }) => status);
      const { code = '', told = '', notices = [] } = answers[0] ?? {};
      const mistakes = mistakesIn(answers, expected.join(' | '));
      line(row(text, statuses, code, told), mistakes, notices.map(readable));
    },

    /** Something that can be counted. */
    counts(text: string, actual: number, expected: number): void {
      line(text, actual === expected ? [] : [`counted: ${actual}, expected: ${expected}`]);
    },

    /** The last line; tells whether all was well. */
    end(): boolean {
      const lines = failures === 1 ? 'one line' : `${failures} lines`;
      const verdict = failures === 0 ? 'all as expected' : `${lines} not as expected`;
      console.log(`\n${paint('bold', `${requests} requests, ${verdict}`)}`);
      return failures === 0;
    },
  };
}
