import type { UsageRow } from '../../core/usage/usage.js';
import { byText } from './clock.js';

/** A client: its id means nothing outside its issuer. */
export interface ClientRef {
  readonly client: string;
  /** `''`: not told. */
  readonly issuer: string;
}

/** What a list calls a client; with several issuers no two clients have the same. */
export function refOf({ client, issuer }: Pick<ClientRef, 'client'> & Partial<ClientRef>): string {
  if (issuer === undefined) return client;
  // The last " (" is ours, whatever is in the id of a client.
  return `${client} (${issuer === '' ? 'issuer unknown' : issuer.replaceAll('(', '%28')})`;
}

export const byRef = (one: ClientRef, other: ClientRef): number =>
  byText(one.client, other.client) || byText(one.issuer, other.issuer);

/** Values by client and issuer. */
export class ClientMap<T> {
  readonly #issuers = new Map<string, Map<string, T>>();

  get({ client, issuer }: ClientRef): T | undefined {
    return this.#issuers.get(issuer)?.get(client);
  }

  set({ client, issuer }: ClientRef, value: T): void {
    const clients = this.#issuers.get(issuer);
    if (clients) clients.set(client, value);
    else this.#issuers.set(issuer, new Map([[client, value]]));
  }

  /** The issuers that know a client by this id. */
  issuersOf(client: string): string[] {
    return [...this.#issuers].filter(([, clients]) => clients.has(client)).map(([one]) => one);
  }

  *entries(): Iterable<[ClientRef, T]> {
    for (const [issuer, clients] of this.#issuers) {
      for (const [client, value] of clients) yield [{ client, issuer }, value];
    }
  }
}

/** Whose the clients of a report are. */
export interface Issuers {
  /** There are clients of more than one. */
  readonly several: boolean;
  /** The issuer of a row. */
  of(row: Pick<UsageRow, 'issuer'>): string;
  /** The issuer that a refused token may have meant: where there is one, also of a token that named none of ours. */
  ofClaim(row: Pick<UsageRow, 'issuer'>): string;
  /** The issuer of a client that was named without one. */
  readonly unnamed: string;
}

/** What rows say of issuers: those that name a client and that a valid credential made. */
export interface RowIssuers {
  readonly told: ReadonlySet<string>;
  /** Some rows are of a version that recorded none. */
  readonly old: boolean;
}

/**
 * Finds out whose clients a report is about. A row of a version that recorded no issuer belongs to the
 * only one there is. A row that says there was none belongs to no other row's issuer: where a guard has
 * several, its clients are those of keys that name none.
 */
export function issuersOf({ told, old }: RowIssuers, named: ReadonlySet<string>): Issuers {
  const all = new Set([...told, ...named].filter((issuer) => issuer !== ''));
  const [only = ''] = all.size === 1 ? all : [];
  const unnamed = told.has('') ? '' : only;
  const groups = new Set([...all, ...(told.has('') ? [''] : [])]);
  if (old) groups.add(only);
  const several = groups.size > 1;
  return {
    several,
    of: ({ issuer = only }) => issuer,
    ofClaim: ({ issuer = only }) => (issuer === '' && !several ? unnamed : issuer),
    unnamed,
  };
}
