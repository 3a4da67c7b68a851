import { ALL } from '../../../checks/all-checks.ts'
import type { Check } from '../../../checks/check.ts'

const ABOUT_MODELS = /^(ollama|models|embedding|chat)-/

/** The checks that ask no model: for suites about what verification writes, where inference only takes time. */
export const STORE_CHECKS = ALL.filter(({ name }) => !ABOUT_MODELS.test(name))

/** @returns the same checks, each of which tells its name when it has ended */
export const telling = (ended: (name: string) => void, checks = STORE_CHECKS): Check[] =>
  checks.map(check => ({
    ...check,
    async run(context) {
      const found = await check.run(context)
      ended(check.name)
      return found
    },
  }))
