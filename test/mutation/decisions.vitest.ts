import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.js';

// Each mutant runs all of these, so they are the quick ones, in one process; nothing random.
export default mergeConfig(
  base,
  defineConfig({
    test: {
      isolate: false,
      env: { SALLYPORT_TESTS: 'full' },
      exclude: [
        'test/{docs,layers}.test.ts',
        'test/{adapters,e2e,properties,testing,vectors}/**',
        'test/rfc/{rfc7518,rfc9110-adapters}.test.ts',
        'test/attacks/{doubled-headers,forged-signatures,oversize}.test.ts',
        'test/token/jwks-*.test.ts',
      ],
    },
  }),
);
