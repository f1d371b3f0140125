/** What an API answered, in short for the eye and in whole for comparison. */
export interface Answer {
  readonly status: number;
  /** Of a refusal: its code, and the header that the client acts on. */
  readonly code: string;
  readonly told: string;
  /** The headers that announce the end of keys. */
  readonly notices: readonly string[];
  readonly whole: string;
}

const announcing = ['Deprecation', 'Sunset', 'Link'];
const compared = ['content-type', 'cache-control', 'www-authenticate', 'retry-after'];

export async function read(response: Response): Promise<Answer> {
  const { status, ok, headers } = response;
  const body = await response.text();
  const wait = headers.get('retry-after');
  const notices = announcing
    .filter((name) => headers.has(name))
    .map((name) => `${name}: ${headers.get(name)}`);
  return {
    status,
    code: /"code":"(\w+)"/.exec(body)?.[1] ?? '',
    told: wait ? `Retry-After: ${wait}` : shorten(headers.get('www-authenticate') ?? ''),
    notices,
    // Each framework has headers of its own for what a handler answers; a refusal is sallyport's.
    whole: [
      ...[status, ...notices],
      ...(ok ? [] : compared.map((name) => headers.get(name))),
      body,
    ].join(' | '),
  };
}

// To what differs: the realm is the same on every line, and the description repeats the code.
const shorten = (challenge: string) =>
  challenge.replace(/(?:realm|error_description)="[^"]*"(?:, |$)/g, '').replace(/,? $/, '');
