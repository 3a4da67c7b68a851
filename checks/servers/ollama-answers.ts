import type { Check } from '../check.ts'
import { allAnswer } from './liveness.ts'

export default {
  name: 'ollama-answers',
  proves: 'Every Ollama server answers within 5 seconds',
  after: [],
  run: context => {
    const connections = [...context.deployment.ollama.values()].map(server => server.connection)
    return allAnswer(connections, '/api/version', context)
  },
} satisfies Check
