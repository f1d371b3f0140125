import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.js';

// What keeps and fetches keys is shown by these alone.
export default mergeConfig(
  base,
  defineConfig({
    test: {
      isolate: false,
      env: { SALLYPORT_TESTS: 'full' },
      exclude: ['test/!(token)/**', 'test/token/!(jwks-*)', 'test/*.test.ts'],
    },
  }),
);
