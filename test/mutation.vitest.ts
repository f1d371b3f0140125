import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.js';

// Without what is random, or says nothing of a single line.
export default mergeConfig(
  base,
  defineConfig({
    test: {
      exclude: ['test/e2e/**', 'test/properties/**', 'test/layers.test.ts', 'test/docs.test.ts'],
    },
  }),
);
