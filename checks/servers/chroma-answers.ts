import type { Check } from '../check.ts'
import { allAnswer } from './liveness.ts'

export default {
  name: 'chroma-answers',
  proves: 'Every Chroma server answers within 5 seconds',
  after: [],
  run: context => {
    const connections = context.deployment.chroma.map(server => server.connection)
    return allAnswer(connections, '/api/v2/heartbeat', context)
  },
} satisfies Check
