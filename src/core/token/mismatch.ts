import { onlyDifference, quote, quoteAll, typeName } from '../base/quote.js';

// Sentences for operators: what a token must have, what it has, and by what they differ. They are made
// only if somebody reads them, and every value of the token in them is unverified.

/** Why an `alg` is not accepted. */
export function algorithmMismatch(alg: unknown, accepted: ReadonlySet<string>): string {
  const found = `alg must be one of ${[...accepted].join(', ')}; got ${quote(alg)}`;
  if (typeof alg !== 'string') return found;
  if (/^hs\d/i.test(alg)) {
    return `${found}, which is symmetric: anyone who can verify such a token can forge one. Set the issuer to sign with an asymmetric algorithm, such as RS256`;
  }
  return /^none$/i.test(alg) ? `${found}: the token is not signed` : found;
}

/** Why a `typ` is not accepted. */
export function typeMismatch(typ: unknown, accepted: ReadonlySet<string | undefined>): string {
  const names = [...accepted].map((type) => (type === undefined ? 'absent' : quote(type)));
  return `typ must be ${names.join(' or ')}; got ${quote(typ)}`;
}

/** Why an `iss` is not accepted. */
export function issuerMismatch(iss: unknown, accepted: Iterable<string>): string {
  const all = [...accepted];
  const nearest = nearestOf([iss], all);
  const wanted = nearest ? [nearest.wanted] : all;
  const document = all.find((issuer) => issuer.includes('/.well-known/'));
  const advice =
    document === undefined
      ? ''
      : `. The configured ${quote(document)} is the address of a metadata document, not an issuer: set issuer to the value of "issuer" in that document`;
  return `iss must be ${oneOf(wanted)}; got ${quote(iss)}${nearest?.why ?? ''}${advice}`;
}

/** Why an `aud` is not accepted. */
export function audienceMismatch(aud: unknown, accepted: Iterable<string>): string {
  const all = [...accepted];
  const must = `aud must contain ${oneOf(all)}`;
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (aud === undefined || aud === '' || list.length === 0) {
    return `${must}; the token names no audience: many authorization servers add one only if the client requests a token for this API`;
  }
  if (!list.every((one) => typeof one === 'string')) {
    const misfit = list.find((one) => typeof one !== 'string');
    return `${must}; got ${Array.isArray(aud) ? 'an array with ' : ''}${typeName(misfit)}`;
  }
  const nearest = nearestOf(list.slice(0, 10), all);
  return `${must}; got ${quoteAll(list)}${nearest?.why ?? ''}`;
}

/** The accepted value that is a spelling of one that was found. */
export function nearestOf(found: readonly unknown[], accepted: readonly string[]) {
  for (const one of found) {
    for (const wanted of accepted) {
      const only = onlyDifference(one, wanted);
      if (only !== undefined) return { wanted, why: `: they differ only by ${only}` };
    }
  }
  return undefined;
}

const oneOf = (values: readonly string[]): string =>
  values.length === 1 ? quote(values[0]) : `one of ${quoteAll(values)}`;

export const notAString = (name: string, value: unknown): string =>
  `${name} must be a string; got ${typeName(value)}`;

export const livesLong = (lives: number, longest: number): string =>
  Number.isNaN(lives)
    ? `iat is missing, and maxTokenLifetime is ${longest} s`
    : `exp is ${lives} s after iat; maxTokenLifetime is ${longest} s`;

export const notSigned = (kid: string | undefined, issuer: string): string =>
  `the key ${kid === undefined ? 'without a kid' : quote(kid)} of ${quote(issuer)} did not sign it`;

export const boundBy = (cnf: unknown): string =>
  `cnf binds the token to a key (${quoteAll(Object.keys(Object(cnf)))}), which this guard does not check`;
