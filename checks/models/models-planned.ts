import { SERVER_BYTES } from '../../infra/capacity/model/overhead.ts'
import type { DeployedModel, OllamaPool, Outputs } from '../../infra/outputs.ts'
import { type Bytes, formatBytes } from '../../infra/units.ts'
import {
  type Check,
  type CheckContext,
  type Finding,
  failed,
  ofPart,
  type PartFinding,
  passed,
  together,
  unchecked,
} from '../check.ts'
import { type LoadedModel, modelStatus } from '../inference/model-status.ts'
import { load } from '../inference/residence.ts'
import { loadAnew, wouldReload } from './ask-model.ts'

/** How far over its plan something is truly another thing than was planned. The plan's own margin is in it. */
const FAR_OVER = 1.25

/**
 * What runs beside what was planned: Ollama falls back to the CPU without a word, and a request can make it load a
 * model with another context.
 */
export default {
  name: 'models-planned',
  proves:
    'Every model runs with the context, on the processor and within the memory it was planned with',
  after: ['ollama-answers', 'models-present'],
  async run(context) {
    const { models, ollama } = context.deployment.outputs
    // What is not loaded yet loads beside the others.
    const findings: PartFinding[] = await Promise.all(
      models.map(async model =>
        ofPart([model.serves, model.name], await lookAtModel(context, model)),
      ),
    )
    for (const pool of ollama) findings.push(...(await lookAtProcess(context, pool)))
    return together(findings)
  },
} satisfies Check

async function lookAtModel(context: CheckContext, model: DeployedModel): Promise<Finding> {
  const { deployment, readOnly, signal } = context
  const server = deployment.inference.server(model)
  const loaded = async () => (await modelStatus(server, model, signal)).loaded
  let found = await loaded()
  if (found === undefined) {
    if (readOnly) return unchecked(`${model.serves} is not loaded, and this run is read only`)
    const disturbed = wouldReload(model, await server.running(signal), context)
    if (disturbed !== undefined) return disturbed
    await load(server, model, signal)
    found = await loaded()
  }
  if (found === undefined) {
    const others = (await server.running(signal)).map(({ name }) => name).join(', ') || 'nothing'
    return unchecked(
      `${model.serves} does not stay loaded; in memory is ${others}`,
      'load it as planned: npm run models',
    )
  }
  return compare(model, found, deployment.outputs)
}

function compare(model: DeployedModel, found: LoadedModel, outputs: Outputs): Finding {
  const { name, planned } = model
  const differs = contextDiffers(model, found)
  // Whoever else deployed it has planned its context in their own way.
  if (differs !== undefined && outputs.target !== 'environment') {
    return failed(differs, loadAnew(model, outputs))
  }
  const notes = differs === undefined ? [] : [differs]
  if (planned === undefined) return passed(`${name} runs on ${placeOf(found)}`, notes)

  if (planned.gpu > 0 && found.processor !== 'gpu') {
    return failed(
      `${name} runs on ${placeOf(found)}; the plan put it on a GPU`,
      'see why in the log of Ollama, which falls back to the CPU without a word: the driver, or other users of the GPU',
    )
  }
  const all = planned.host + planned.gpu
  if (found.memory > FAR_OVER * all) {
    return failed(
      `Ollama reckons ${formatBytes(found.memory)} for ${name}; the plan says ${formatBytes(all)}`,
      'plan again with what runs: npm run plan',
    )
  }
  return passed(
    `${name} runs on ${placeOf(found)}, with ${formatBytes(found.memory)} by Ollama's own reckoning of ${formatBytes(all)} planned`,
    notes,
  )
}

function contextDiffers({ name, contextLength }: DeployedModel, found: LoadedModel) {
  if (contextLength === undefined || found.contextLength === undefined) return undefined
  if (contextLength === found.contextLength) return undefined
  return `${name} is loaded with a context of ${found.contextLength} tokens; ${contextLength} are planned`
}

const placeOf = ({ processor, gpuMemory, memory }: LoadedModel): string =>
  ({
    cpu: 'the CPU',
    gpu: 'the GPU',
    split: `the CPU, with ${formatBytes(gpuMemory)} of ${formatBytes(memory)} on the GPU`,
  })[processor]

/** What the server and its runners hold, where they are processes of this machine that the stack started. */
async function lookAtProcess(context: CheckContext, { pool, record }: OllamaPool) {
  const { memoryOfProcess } = context
  const { models } = context.deployment.outputs
  const own = models.filter(model => model.pool === pool)
  if (record === undefined || memoryOfProcess === undefined) return []
  if (own.some(({ planned }) => planned === undefined)) return []
  const server = context.deployment.ollama.get(pool)!
  const foreign = (await server.running(context.signal))
    .map(({ name }) => name)
    .filter(name => !own.some(model => model.serves === name || model.name === name))
  if (foreign.length > 0) {
    return [passed(`${server.connection.label} has other models loaded too: ${foreign.join(', ')}`)]
  }
  const memory = await memoryOfProcess(record)
  const planned = own.reduce<Bytes>((sum, model) => sum + model.planned!.host, SERVER_BYTES)
  const found = `${formatBytes(memory)} held by ${server.connection.label} with its runners, of ${formatBytes(planned)} planned`
  return [
    memory > FAR_OVER * planned ? failed(found, 'see what fits: npm run plan') : passed(found),
  ]
}
