import { defineConfig } from 'vitest/config';

// `npm test`: the whole suite, but for what takes long (test/runs.ts). Nothing is kept of one file
// for the next, so they share two processes: starting one for each takes longer than the tests.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/services/**'],
    isolate: false,
    reporters: ['minimal'],
    // No test is about time; a busy machine may take its own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary'] },
  },
});
