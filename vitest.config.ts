import { defineConfig } from 'vitest/config'

const MINUTE = 60_000

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: MINUTE } },
      {
        test: {
          name: 'integration',
          include: ['test/{integration,faults}/**/*.test.ts'],
          // The real tools are obtained once, before any suite starts servers with them.
          globalSetup: 'test/support/global-setup.ts',
          // The suites wait for servers and clusters about as long as they compute. The longest files are begun first.
          maxWorkers: 4,
          // No measure of anything: so long may take what runs beside three other suites on two cores.
          testTimeout: 5 * MINUTE,
          hookTimeout: 5 * MINUTE,
        },
      },
    ],
  },
})
