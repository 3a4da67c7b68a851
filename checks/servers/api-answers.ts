import { type Check, skipped } from '../check.ts'
import { allAnswer } from './liveness.ts'

export default {
  name: 'api-answers',
  proves: 'The HTTP API answers within 5 seconds',
  after: [],
  run: async context => {
    const { api } = context.deployment
    if (api === undefined) return skipped('no API is deployed')
    const server = { ...api, label: `API at ${api.url}`, mayBeStarting: true }
    return allAnswer([server], '/openapi.json', context)
  },
} satisfies Check
