import { defineConfig } from 'vitest/config'

const MINUTE = 60_000

/** Suites that wait more than they compute: for a fault to be noticed, or for a cluster that is simulated. */
const WAITING = [
  'test/integration/kubernetes/fleet-*.test.ts',
  'test/integration/models/{models-faults,model-sidecar}.test.ts',
  'test/integration/api/api-{health,hostile-use,process}.test.ts',
  'test/integration/local/up-killed.test.ts',
  'test/integration/store/{index-damage,kills}.test.ts',
  'test/integration/toolchain/*.test.ts',
]
/** Suites of container engines and clusters. */
const MACHINES = 'test/integration/{docker,kubernetes}/**/*.test.ts'

const REAL = {
  // Ollama computes on all cores: two of its suites at once would each take several times as long. Those of machines
  // wait as often, and others wait most of the time: they are projects of their own that run beside (`npm test`).
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
          exclude: [MACHINES, ...WAITING],
        },
      },
      { test: { ...REAL, name: 'machines', include: [MACHINES], exclude: WAITING } },
      { test: { ...REAL, name: 'waiting', include: WAITING } },
    ],
  },
})
