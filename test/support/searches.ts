/**
 * Large spaces that tests search: with `npm test` a sample that one seed draws, the whole with
 * `npm run bench -- searches`, which says so in the environment.
 */
export const SEARCHES = {
  'hostile calls of the store': {
    file: 'test/integration/store/store-isolation.test.ts',
    sample: 600,
    whole: 10_000,
  },
  'hostile requests to the API': {
    file: 'test/integration/api/api-isolation.test.ts',
    sample: 1500,
    whole: 10_000,
  },
  'requests made up from the schema, for each operation': {
    file: 'test/integration/api/api-openapi.test.ts',
    sample: 6,
    whole: 200,
  },
  'filters, held to a model of them': {
    file: 'test/integration/store/store-filter.test.ts',
    sample: 150,
    whole: 3000,
  },
  'histories of two stores that write and ask': {
    file: 'test/integration/store/write-versions.test.ts',
    sample: 6,
    whole: 150,
  },
  'writers that replace one document at once': {
    file: 'test/integration/store/store-concurrency.test.ts',
    sample: 4,
    whole: 100,
  },
  'verifications of a sound deployment': {
    file: 'test/faults/faults.test.ts',
    sample: 2,
    whole: 50,
  },
  'verifications of a store whose index has been deleted from': {
    file: 'test/integration/store/verification-links.test.ts',
    sample: 4,
    whole: 50,
  },
} as const

export const WHOLE_SEARCHES = 'KNOWLEDGE_STACK_SEARCHES'

/** What draws the cases: the same ones each time. */
export const SEED = 17

/** How many cases a test tries. */
export const casesOf = (search: keyof typeof SEARCHES): number =>
  SEARCHES[search][process.env[WHOLE_SEARCHES] === 'whole' ? 'whole' : 'sample']
