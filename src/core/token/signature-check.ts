import { own, parseObject } from '../base/json.js';
import { isAlgorithm } from './algorithms.js';
import type { TrustedIssuer } from './issuer.js';
import { parseJws } from './jws.js';
import { verifySignature } from './signature.js';

/**
 * Tells whether the issuer that a token names has signed it, whatever else may be wrong with it: for
 * counting whose refused token it was, and never for letting it in. It rejects while none of that issuer's keys can be had.
 */
export const createSignatureCheck =
  (issuers: ReadonlyMap<string, TrustedIssuer>) =>
  async (text: string): Promise<boolean> => {
    let fetched: Promise<void> | undefined;
    try {
      const jws = parseJws(text);
      const { alg, isCritical } = jws.header;
      const iss = own(parseObject(jws.payload), 'iss');
      const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined;
      if (!issuer || isCritical || typeof alg !== 'string') return false;
      if (!issuer.algorithms.has(alg) || !isAlgorithm(alg)) return false;
      // The first fetch, which any other token would have caused; a token never causes another one here.
      if (issuer.keys.isEmpty()) fetched = issuer.keys.ready();
      await fetched;
      const key = issuer.keys.peek(jws.header, alg);
      return key !== undefined && (await verifySignature(jws, key, alg));
    } catch {
      await fetched;
      return false;
    }
  };
