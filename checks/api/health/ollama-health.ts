import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import type { DeployedModel } from '../../../infra/outputs.ts'
import { seconds } from '../../../infra/units.ts'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { modelStatus } from '../../inference/model-status.ts'
import type { OllamaServer } from '../../inference/ollama-server.ts'
import { examine, type Health, type Look } from './health-report.ts'

/**
 * Whether the Ollama servers answer and have their models. It only looks: a probe that generates would queue
 * behind the callers, and a busy server would pass for a dead one.
 */
export function ollamaHealth({ ollama, outputs }: ConnectedDeployment): Promise<Health> {
  return examine(
    [...ollama].map(([pool, server]) => ({
      server: server.connection.label,
      looks: [
        version(server),
        ...outputs.models.filter(model => model.pool === pool).map(model => held(server, model)),
      ],
    })),
  )
}

const version = ({ connection }: OllamaServer): Look => ({
  checked: 'version',
  async look(signal) {
    const call = { deadline: seconds(5), repeatable: false, signal }
    const answer = await connection.json('/api/version', z.object({ version: z.string() }), call)
    return `it answers, and is Ollama ${answer.version}`
  },
})

const held = (server: OllamaServer, model: DeployedModel): Look => ({
  checked: `model ${model.name}`,
  async look(signal) {
    const { present, asProvisioned, loaded } = await modelStatus(server, model, signal)
    if (!present) throw wrong(`${model.name} or ${model.serves}, which serves it, is not there`)
    if (asProvisioned === false) throw wrong('it is there with another digest than provisioned')
    return loaded === undefined ? 'it is there, not loaded' : `it is loaded (${loaded.processor})`
  },
})

const wrong = (what: string) =>
  new Failure('unavailable', what, { mend: 'pull the models: npm run models' })
