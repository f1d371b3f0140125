/** Options by the names that drafts of this library had for them. */
const renamed: Readonly<Record<string, readonly string[]>> = {
  __proto__: null as never,
  keys: ['jwks'],
  onKeys: ['onJwks'],
  verifiedTokens: ['tokenCache'],
  types: ['typ'],
  resourceMetadata: ['resourceMetadataUrl'],
  problemTypes: ['problemTypeBase'],
  unknownMax: ['negativeMax'],
  unknownTtl: ['negativeTtl'],
  maxStale: ['staleIfError'],
  every: ['flushInterval', 'pollInterval'],
};

/** Returns which of the known names an option has now, or undefined if it was never renamed. */
export const newNameOf = (name: string, known: readonly string[]): string | undefined =>
  renamed[name]?.find((one) => known.includes(one));
