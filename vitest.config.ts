import { defineConfig } from 'vitest/config';

const SERVER_TESTS = 'tests/**/*.int.test.ts';

/**
 * Two projects: what needs nothing, and what needs servers, which are started when one of those files is run. Files that start the
 * built program say so in their names (`e2e`, `crash`).
 */
export default defineConfig({
  test: {
    globalSetup: ['tests/helpers/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'apex',
          include: ['tests/**/*.test.ts'],
          exclude: [SERVER_TESTS],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'servers',
          include: [SERVER_TESTS],
          globalSetup: ['tests/servers/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
