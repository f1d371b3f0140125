import { shown } from '../text/words.js';

const text: unique symbol = Symbol('markup');

/** Text that is HTML already. Only {@link html} and {@link constant} make it. */
export interface Markup {
  readonly [text]: string;
}

/** What can stand in a template; `undefined` and `false` are nothing. */
export type Part = string | number | Markup | undefined | false | readonly Part[];

/**
 * A template of HTML. Every value that is no markup is escaped, for an element's text and for an
 * attribute in double quotes, and made harmless to look at.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let all = strings[0] ?? '';
  for (const [i, part] of parts.entries()) all += textOf(part) + strings[i + 1];
  return { [text]: all };
}

/** Our own text that is HTML as it is: never a report's. */
export const constant = (markup: string): Markup => ({ [text]: markup });

export const toText = (markup: Markup): string => markup[text];

function textOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (Array.isArray(part)) return part.map(textOf).join('');
  if (typeof part === 'object' && text in part) return part[text];
  return escaped(shown(String(part)));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (value: string): string =>
  value.replace(/[&<>"']/g, (char) => entities[char] as string);
