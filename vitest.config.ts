import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const MINUTE = 60_000

/**
 * Begun in this order: those that take longest first, and last what would wait for the Docker Engine of another. The
 * cluster needs the Engine for its images, so docker-stack, which holds it for minutes, is not among the first four.
 */
const ORDER = [
  /kubernetes-stack/,
  /fleet-stack/,
  /faults\/faults|kills/,
  /docker-stack/,
  /local\/up/,
  /fleet-ownership|plain-pulumi|models-faults|api-load/,
  /^(?!.*docker-)/,
  /./,
]

/** On two cores: with more, suites take each other's time and what waits for nothing but time runs longer beside them. */
const WORKERS = 3

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => ORDER.findIndex(name => name.test(moduleId))
    return files.toSorted((a, b) => rank(a) - rank(b))
  }
}

/**
 * The modules of a worker stay for its next file: to load them anew for each costs as much as the unit tests themselves.
 * So what a file changes outside of itself, it puts back.
 */
const isolate = false

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          isolate,
          include: ['test/unit/**/*.test.ts'],
          testTimeout: MINUTE,
          hookTimeout: MINUTE,
          maxWorkers: WORKERS,
        },
      },
      {
        test: {
          name: 'integration',
          isolate,
          include: ['test/{integration,faults}/**/*.test.ts'],
          // The real tools are obtained once, before any suite starts servers with them.
          globalSetup: 'test/support/global-setup.ts',
          maxWorkers: WORKERS,
          // No measure of anything: only what hangs takes so long, beside other suites on two slow cores.
          testTimeout: 20 * MINUTE,
          hookTimeout: 20 * MINUTE,
        },
      },
    ],
  },
})
