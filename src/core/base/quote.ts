/** What can stand in a log: at most 128 characters of printable ASCII. */
export const printable = (value: string | undefined): string | undefined =>
  value === undefined || plain.test(value) ? value : cut(value);

// What nearly all are, and need no copy.
const plain = /^[ -~]{1,128}$/;

function cut(value: string): string | undefined {
  const text = value
    .slice(0, 2_048)
    .replace(/[^ -~]/g, '')
    .slice(0, 128);
  // A copy: a slice would keep the whole string alive for as long as a listener keeps this.
  return Buffer.from(text, 'latin1').toString('latin1') || undefined;
}

/** An unverified value, for a sentence: a string in quotes and cut short, anything else by its type. */
export const quote = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(printable(value) ?? '') : typeName(value);

/** Several of them: the first three, and how many more there are. */
export function quoteAll(values: Iterable<unknown>): string {
  const all = [...values];
  const more = all.length > 3 ? ` and ${all.length - 3} more` : '';
  return all.slice(0, 3).map(quote).join(', ') + more;
}

/** A configured path to a claim: one name, or several. */
export const pathName = (path: readonly string[]): string =>
  JSON.stringify(path.length === 1 ? path[0] : path);

/** The JSON type of a value. */
export function typeName(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Beyond this difference in length, two strings are not spellings of one another. */
const mostMore = 16;

const spellings: readonly (readonly [name: string, plain: (text: string) => string])[] = [
  ['a trailing slash', withoutSlash],
  ['case', (text) => text.toLowerCase()],
  ['http and https', (text) => text.replace(/^https?:/i, '')],
  ['white space', (text) => text.trim()],
];

/** By what alone two strings differ, if that is something that people overlook. */
export function onlyDifference(found: unknown, wanted: string): string | undefined {
  if (typeof found !== 'string' || Math.abs(found.length - wanted.length) > mostMore)
    return undefined;
  const [only] = spellings.find(([, plain]) => plain(found) === plain(wanted)) ?? [];
  if (only !== undefined) return only;
  const plainest = (text: string) =>
    spellings.reduce((less, [, plain]) => plain(less), text.trim());
  return plainest(found) === plainest(wanted) ? 'slash, case or scheme' : undefined;
}

function withoutSlash(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end -= 1;
  return text.slice(0, end);
}
