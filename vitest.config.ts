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
          // Ollama computes on all cores: two suites at once would each take several times as long.
          fileParallelism: false,
          // The real tools are obtained once, before any suite starts servers with them.
          globalSetup: 'test/support/global-setup.ts',
          testTimeout: 2 * MINUTE,
          hookTimeout: 3 * MINUTE,
        },
      },
    ],
  },
})
