import { request as httpRequest } from 'node:http';

/** What came back over a real connection. */
export interface Received {
  readonly status: number;
  /** The code of a refusal. */
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Sends these very headers, names and values in turn, to this very target. */
export function send(
  origin: string,
  headers: readonly string[],
  target: { readonly path?: string; readonly method?: string } = {},
): Promise<Received> {
  const { hostname, port, host } = new URL(origin);
  const all = ['Host', host, 'Connection', 'close', ...headers];
  return new Promise((resolve, reject) => {
    const options = { hostname, port, path: '/', ...target, headers: all as never };
    const request = httpRequest(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const code = /"code":"(\w+)"/.exec(body)?.[1];
        resolve({ status: response.statusCode ?? 0, code, headers: response.headers, body });
      });
    });
    request.on('error', reject);
    request.end();
  });
}
