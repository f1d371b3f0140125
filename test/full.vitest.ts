import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.js';

// `npm run test:full`: every test, as often as it says, each file in a process of its own, since some
// measure what is in memory.
export default mergeConfig(
  base,
  defineConfig({
    test: { isolate: true, env: { SALLYPORT_TESTS: 'full' }, coverage: { enabled: true } },
  }),
);
