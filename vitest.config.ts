import { defineConfig } from 'vitest/config'

const MINUTE = 60_000

/** Suites that wait more than they compute: for a fault to be noticed, or for a cluster that is simulated. */
const WAITING = [
  'test/integration/kubernetes/fleet-*.test.ts',
  'test/integration/models/{models-faults,model-sidecar}.test.ts',
  'test/integration/api/api-{attacks,health,hostile-use,process}.test.ts',
  'test/integration/toolchain/*.test.ts',
]
/**
 * What starts real servers, in lanes that run beside each other (`npm test`): each takes about as long as the others, and
 * within each the suites come one after another. Ollama computes on all cores: two of its suites at once would each take
 * several times as long.
 */
const LANES = {
  servers: ['test/integration/{api,models,store}/*.test.ts'],
  machines: ['test/integration/{docker,kubernetes}/*.test.ts'],
  stacks: [
    'test/{integration/local,faults}/*.test.ts',
    'test/integration/docker/docker-bad-input.test.ts',
  ],
  waiting: WAITING,
}

const REAL = {
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
      ...Object.entries(LANES).map(([name, include], index, lanes) => ({
        // A suite that several lanes name is the last one's.
        test: {
          ...REAL,
          name,
          include,
          exclude: lanes.slice(index + 1).flatMap(([, later]) => later),
        },
      })),
    ],
  },
})
