import { defineConfig } from 'vitest/config'

const MINUTE = 60_000

/** Suites of container engines and clusters. */
const MACHINES = 'test/integration/{docker,kubernetes}/**/*.test.ts'

const REAL = {
  // Ollama computes on all cores: two of its suites at once would each take several times as long. Those of machines
  // mostly wait, so they are a project of their own that runs beside (`npm test`).
  fileParallelism: false,
  // The real tools are obtained once, before any suite starts servers with them.
  globalSetup: 'test/support/global-setup.ts',
  testTimeout: 2 * MINUTE,
  hookTimeout: 3 * MINUTE,
}

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: MINUTE } },
      {
        test: {
          ...REAL,
          name: 'integration',
          include: ['test/{integration,faults}/**/*.test.ts'],
          exclude: [MACHINES],
        },
      },
      { test: { ...REAL, name: 'machines', include: [MACHINES] } },
    ],
  },
})
