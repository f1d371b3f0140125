import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/services/**'],
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary'] },
  },
});
