import type { DeployedModel } from '../infra/outputs.ts'
import { type Millis, seconds } from '../infra/units.ts'
import { type Context, type Finding, modelsOf, skipped, together, unchecked } from './check.ts'
import type { OllamaServer } from './inference/ollama.ts'
import { resident } from './inference/residence.ts'
import { ServerError } from './transport/server-error.ts'

const RESIDENT_DEADLINE: Millis = seconds(30)
const LOADING_DEADLINE: Millis = seconds(60)

/** How a model may be asked by the verification. */
export interface Asking {
  server: OllamaServer
  deadline: Millis
  signal: AbortSignal
}

/** Asks every model of a role in turn, where asking changes nothing about what is loaded. */
export async function askEach(
  context: Context,
  role: DeployedModel['role'],
  ask: (model: DeployedModel, asking: Asking) => Promise<Finding>,
): Promise<Finding> {
  const models = modelsOf(context, role)
  if (models.length === 0) return skipped(`the deployment has no ${role} model`)
  const findings: Finding[] = []
  for (const model of models) findings.push(await askOne(context, model, ask))
  return together(findings)
}

async function askOne(
  context: Context,
  model: DeployedModel,
  ask: (model: DeployedModel, asking: Asking) => Promise<Finding>,
): Promise<Finding> {
  const { signal } = context
  const server = context.deployment.inference.server(model)
  const loaded = await resident(server, model, signal)
  if (loaded === undefined && context.readOnly) {
    return unchecked(`${model.serves} is not loaded, and this run is read only`)
  }
  const deadline = loaded === undefined ? LOADING_DEADLINE : RESIDENT_DEADLINE
  try {
    return await ask(model, { server, deadline, signal })
  } catch (error) {
    if (loaded === undefined && error instanceof ServerError && error.reason === 'late') {
      return unchecked(`${model.serves} was still loading when time was up`, 'verify again')
    }
    throw error
  }
}
