import { z } from 'zod'
import { Failure, reasonOf } from '../../../infra/failure.ts'
import type { DeployedModel } from '../../../infra/outputs.ts'
import { answerOnce } from '../../inference/answer-once.ts'
import type { Inference } from '../../inference/inference.ts'
import { modelStatus } from '../../inference/model-status.ts'

/** A model as the API shows it. */
export const ModelView = z.object({
  name: z.string(),
  serves: z.string().describe('The name that requests use: the model with its context pinned'),
  role: z.enum(['embedding', 'chat']),
  pool: z.string(),
  present: z.boolean(),
  asProvisioned: z
    .boolean()
    .nullable()
    .describe('Whether the digests are the pinned ones; null where none was recorded'),
  digest: z.string().nullable(),
  pinnedDigest: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  loaded: z
    .object({
      memoryBytes: z.int(),
      gpuMemoryBytes: z.int(),
      processor: z.enum(['cpu', 'gpu', 'split']),
      contextLength: z.int().nullable(),
    })
    .nullable(),
  plannedBytes: z
    .int()
    .nonnegative()
    .nullable()
    .describe(
      'Memory that the plan sets aside for it, of the host and of GPUs; null where nobody planned',
    ),
  problem: z.string().nullable().describe('Why nothing more is known'),
})
z.globalRegistry.add(ModelView, { id: 'Model' })
export type ModelView = z.infer<typeof ModelView>

/** Bytes that are planned for models, by their names. */
export type Plans = Readonly<Record<string, number>>

/** How a model is. A server that does not answer is told as the problem of its models, not of the others. */
export async function look(
  inference: Inference,
  model: DeployedModel,
  plans: Plans,
  signal: AbortSignal,
): Promise<ModelView> {
  const { name, serves, role, pool } = model
  const plannedBytes = plans[name] ?? null
  const known = { name, serves, role, pool, pinnedDigest: model.digest ?? null, plannedBytes }
  try {
    const status = await modelStatus(inference.server(model), model, signal)
    const { loaded } = status
    return {
      ...known,
      present: status.present,
      asProvisioned: status.asProvisioned ?? null,
      digest: status.digest ?? null,
      sizeBytes: status.size ?? null,
      loaded: loaded
        ? {
            memoryBytes: loaded.memory,
            gpuMemoryBytes: loaded.gpuMemory,
            processor: loaded.processor,
            contextLength: loaded.contextLength ?? null,
          }
        : null,
      problem: null,
    }
  } catch (error) {
    signal.throwIfAborted()
    return {
      ...known,
      present: false,
      asProvisioned: null,
      digest: null,
      sizeBytes: null,
      loaded: null,
      problem: reasonOf(error),
    }
  }
}

/**
 * Loads a model again and sees that it is the one that was provisioned, in memory, and answers.
 * @throws Failure `unavailable` with what is wrong
 */
export async function reload(
  inference: Inference,
  model: DeployedModel,
  plans: Plans,
  signal: AbortSignal,
): Promise<ModelView> {
  await inference.reload(model, signal)
  await answerOnce(inference, model, signal)
  const view = await look(inference, model, plans, signal)
  const wrong =
    view.problem ??
    (view.asProvisioned === false ? 'its digest is another than provisioned' : undefined) ??
    (view.loaded === null ? 'it did not stay in memory' : undefined)
  if (wrong === undefined) return view
  throw new Failure('unavailable', `${model.name} was loaded again, but ${wrong}`)
}
