import type { Inventory } from './inventories.js';
import type { Table } from './table.js';

/** A request, to whichever API it is sent. */
export type Ask = (origin: string) => Promise<Response>;

/** Reads the stock of an organization, with these credentials. */
export const reading =
  (credentials: Readonly<Record<string, string>> = {}, org = 'acme'): Ask =>
  (origin) =>
    fetch(`${origin}/orgs/${org}/stock`, { headers: { ...credentials } });

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Sends a request to each API in turn; the table knows what to make of the answers. */
export function createStep({ answers }: Table, running: readonly Inventory[]) {
  return async (
    text: string,
    ask: Ask,
    expected: string | readonly string[],
    inventories = running,
  ): Promise<void> => {
    const responses: Response[] = [];
    for (const { origin } of inventories) responses.push(await ask(origin));
    await answers(text, responses, [expected].flat());
  };
}
