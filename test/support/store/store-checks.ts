import { ALL } from '../../../checks/all-checks.ts'

const ABOUT_MODELS = /^(ollama|models|embedding|chat)-/

/** The checks that ask no model: for suites about what verification writes, where inference only takes time. */
export const STORE_CHECKS = ALL.filter(({ name }) => !ABOUT_MODELS.test(name))
