import { answers } from './answers.ts'
import { type Check, skipped } from './check.ts'
import { urlOf } from './deployment.ts'

export default {
  name: 'api-answers',
  proves: 'The HTTP API answers within 5 seconds',
  after: [],
  run: async context => {
    const { api } = context.deployment.outputs
    if (api === undefined) return skipped('no API is deployed')
    const url = urlOf(api.reach)
    return answers([{ url, label: `API at ${url}` }], '/openapi.json', context)
  },
} satisfies Check
