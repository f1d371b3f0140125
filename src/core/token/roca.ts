// Infineon's chips made primes that are powers of 65537 modulo every small prime (CVE-2017-15361), so
// their product is one too; of other moduli not one in a hundred million is.
const generator = 65_537;

/** For each small prime, what 65537 reaches. */
const reached = Array.from({ length: 167 }, (_, i) => i + 1)
  .filter((n) => n > 2 && Array.from({ length: n - 2 }, (_, i) => i + 2).every((d) => n % d !== 0))
  .map((prime) => {
    const residues = new Set<number>();
    for (let power = 1; !residues.has(power); power = (power * generator) % prime) {
      residues.add(power);
    }
    return { prime: BigInt(prime), residues };
  });

/** Tells whether an RSA modulus, as a JWK has it, can be factored by what is known of its maker. */
export function isRoca(n: unknown): boolean {
  const modulus = modulusOf(n);
  return reached.every(({ prime, residues }) => residues.has(Number(modulus % prime)));
}

/** Tells whether an RSA modulus, as a JWK has it, has a factor that anyone finds at once. */
export function hasSmallFactor(n: unknown): boolean {
  const modulus = modulusOf(n);
  return modulus % 2n === 0n || reached.some(({ prime }) => modulus % prime === 0n);
}

const modulusOf = (n: unknown): bigint =>
  BigInt(`0x${Buffer.from(String(n), 'base64url').toString('hex')}`);
