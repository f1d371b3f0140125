/** What each organization has in stock. */
export interface Stock {
  of(org: string): Readonly<Record<string, number>>;
  set(org: string, item: string, count: number): void;
}

export function createStock(): Stock {
  const orgs = new Map([
    ['acme', new Map([['bolts', 120]])],
    ['globex', new Map([['nuts', 80]])],
  ]);
  return {
    of: (org) => Object.fromEntries(orgs.get(org) ?? []),
    set(org, item, count) {
      orgs.set(org, (orgs.get(org) ?? new Map<string, number>()).set(item, count));
    },
  };
}
