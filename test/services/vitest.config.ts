import { defineConfig } from 'vitest/config';

// Real servers: slower to start than anything else here, and worth a core of their own.
export default defineConfig({
  test: {
    include: ['test/services/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    env: { SALLYPORT_TESTS: 'full' },
  },
});
