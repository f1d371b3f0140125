/** The part of a connection pool that is used: a `Pool` of pg, or any that returns rows as objects. */
export interface PostgresPool {
  query(
    text: string,
    values: unknown[],
  ): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
}
