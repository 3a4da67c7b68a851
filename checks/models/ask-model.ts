import type { DeployedModel, Outputs } from '../../infra/outputs.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import {
  type CheckContext,
  type Finding,
  modelsOf,
  ofPart,
  type PartFinding,
  skipped,
  together,
  unchecked,
} from '../check.ts'
import type { OllamaServer, RunningModel } from '../inference/ollama-server.ts'
import { loadedOtherwise } from '../inference/residence.ts'
import { ServerError } from '../transport/server-error.ts'

/** For one request: a machine that is busy with others' may take long for few tokens. */
const DEADLINE: Millis = seconds(60)

/** How a model may be asked by the verification. */
export interface Asking {
  server: OllamaServer
  deadline: Millis
  signal: AbortSignal
}

type Ask = (model: DeployedModel, asking: Asking) => Promise<Finding>

/**
 * Asks every model of a role in turn, where asking changes nothing about what is in memory. Requests name no
 * keep_alive: the one that a model was loaded with stays (Ollama 0.17.4, server/sched.go).
 */
export async function askEach(
  context: CheckContext,
  role: DeployedModel['role'],
  ask: Ask,
): Promise<Finding> {
  const models = modelsOf(context, role)
  if (models.length === 0) return skipped(`the deployment has no ${role} model`)
  const findings: PartFinding[] = []
  for (const model of models) {
    findings.push(ofPart([model.serves, model.name], await askOne(context, model, ask)))
  }
  return together(findings)
}

async function askOne(context: CheckContext, model: DeployedModel, ask: Ask): Promise<Finding> {
  const { readOnly, signal } = context
  const server = context.deployment.inference.server(model)
  const running = await server.running(signal)
  const disturbed = wouldReload(model, running, context)
  if (disturbed !== undefined) return disturbed
  const isLoaded = running.some(({ name }) => name === model.serves)
  if (!isLoaded && readOnly) {
    return unchecked(`${model.serves} is not loaded, and this run is read only`)
  }
  try {
    return await ask(model, { server, deadline: DEADLINE, signal })
  } catch (error) {
    if (!isLoaded && error instanceof ServerError && error.reason === 'late') {
      return unchecked(`${model.serves} was still loading when time was up`, 'verify again')
    }
    throw error
  }
}

/** Why a model is not asked, when asking would load it anew; undefined when it would not. */
export function wouldReload(
  model: DeployedModel,
  running: RunningModel[],
  { deployment }: CheckContext,
): Finding | undefined {
  const why = loadedOtherwise(model, running)
  if (why === undefined) return undefined
  return unchecked(
    `asking ${model.serves} would load it anew: ${why}`,
    loadAnew(model, deployment.outputs),
  )
}

/** What puts a model right that others have loaded in their way, and keeps it so. */
export function loadAnew({ serves }: DeployedModel, { stack, target }: Outputs): string {
  const cause = `have every request name ${serves} and set no num_ctx of its own`
  // Nobody else's servers are ours to change.
  if (target === 'environment') return cause
  return `load it as planned: npm run models -- --stack ${stack}; then ${cause}`
}
