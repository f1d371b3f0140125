/** What a key must be to serve an algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864). */
interface Fit {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  readonly crv?: string;
  /** Bytes of a signature; an RSA signature is as long as its modulus. */
  readonly signatureLength?: number;
}

const rsa = { kty: 'RSA' } as const;
const ed25519 = { kty: 'OKP', crv: 'Ed25519', signatureLength: 64 } as const;

/** Every accepted algorithm. Asymmetric only: a resource server holds nothing that could sign. */
export const algorithms = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: { kty: 'EC', crv: 'P-256', signatureLength: 64 },
  ES384: { kty: 'EC', crv: 'P-384', signatureLength: 96 },
  ES512: { kty: 'EC', crv: 'P-521', signatureLength: 132 },
  EdDSA: ed25519,
  Ed25519: ed25519,
} as const satisfies Record<string, Fit>;

/** A JWS algorithm that a token may be signed with. */
export type Algorithm = keyof typeof algorithms;

/** All of them. */
export const algorithmNames = Object.keys(algorithms) as Algorithm[];

/** What a key must be to serve this algorithm. */
export const fitOf = (algorithm: Algorithm): Fit => algorithms[algorithm];

/** Tells whether a text names an accepted algorithm, case-sensitively (RFC 7515 §4.1.1). */
export const isAlgorithm = (name: unknown): name is Algorithm =>
  typeof name === 'string' && Object.hasOwn(algorithms, name);
