import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/services/'));

// A faked clock also counts the timers that an earlier file in the same process left.
const alone = files.filter((file) => readFileSync(file, 'utf8').includes('useFakeTimers'));

// `npm test`: everything but what takes long (test/runs.ts). Most files share a few processes, since
// starting one for each takes longer than most tests.
export default defineConfig({
  test: {
    isolate: false,
    maxWorkers: '100%',
    reporters: ['minimal'],
    // Guards without a listener warn of what is tried on purpose; tests of warnings listen themselves.
    execArgv: ['--no-warnings'],
    // No test is about time; a busy machine may take its own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**', ...alone],
        },
      },
      { extends: true, test: { name: 'alone', include: alone, isolate: true } },
    ],
  },
});
