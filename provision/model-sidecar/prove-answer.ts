import { answerOnce } from '../../checks/inference/answer-once.ts'
import type { Inference } from '../../checks/inference/inference.ts'
import { modelStatus } from '../../checks/inference/model-status.ts'
import { Failure } from '../../infra/failure.ts'
import type { DeployedModel } from '../../infra/outputs.ts'
import type { SidecarConfig } from './sidecar-config.ts'

type Wanted = Pick<SidecarConfig, 'gpu' | 'resident'>

/**
 * Loads a model, anew where a request has loaded it otherwise than planned, and has it answer once.
 * @throws Failure when it cannot be loaded, does not answer, or is not where the plan put it
 */
export async function proveModel(
  inference: Inference,
  model: DeployedModel,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<void> {
  await inference.loadAsPlanned(model, signal)
  await inference.load(model, signal)
  await answerOnce(inference, model, signal)
  const { loaded } = await modelStatus(inference.server(model), model, signal)
  if (!wanted.gpu || loaded === undefined || loaded.processor === 'gpu') return
  const where = loaded.processor === 'cpu' ? 'on the CPU' : 'on the CPU in part'
  throw new Failure('unavailable', `${model.name} runs ${where}, though the plan put it on a GPU`, {
    mend: "see that the node's driver and device plugin work: nvidia-smi, and Ollama's own log",
  })
}

/** What is wrong with a model, by a look that loads nothing and asks nothing of it; undefined when nothing is. */
export async function whatIsWrong(
  inference: Inference,
  model: DeployedModel,
  { resident }: Pick<Wanted, 'resident'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { present, loaded } = await modelStatus(inference.server(model), model, signal)
  if (!present) return `${model.name} is not in the store any more`
  if (resident && loaded === undefined) return `${model.name} is not in memory any more`
  return undefined
}
