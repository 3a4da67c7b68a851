import { Failure } from '../../../infra/failure.ts'
import {
  describeSource,
  isFileSource,
  type ModelSource,
  modelAddress,
} from '../../../infra/settings/model-definition.ts'
import { type Millis, seconds } from '../../../infra/units.ts'
import { describeDefects, findDefects, removeDefects } from '../file-defects.ts'
import type { ModelJob } from '../model-job.ts'
import type { Installed } from '../ollama-store.ts'
import { importModel } from './file-import.ts'
import { pull } from './pull.ts'
import { requireSpace, SourceProblem } from './transfer-failures.ts'

/** A model that came from a source and is what its own manifest says. */
export interface TransferredModel {
  source: ModelSource
  /** The name it came under: a mirror's models bring host and namespace along. */
  name: string
  installed: Installed
  /** Of a file source, what Ollama made it of: name → `sha256:<hex>`. */
  files?: Record<string, string>
}

/** Files that are damaged after a transfer are transferred once more, and no more than that. */
const TRIES = 2
const STALL: Millis = seconds(60)

/**
 * Goes through the sources until one delivers.
 * @throws Failure `unavailable` with the reason of each source when none has the model
 */
export async function transferFromFirst(
  sources: ModelSource[],
  job: ModelJob,
): Promise<TransferredModel> {
  const { report, signal } = job.task
  const reasons: string[] = []
  for (const source of sources) {
    const where = describeSource(source)
    const task = { signal, report: (text: string) => report(`${text}, from ${where}`) }
    try {
      return await transferVerified(source, { ...job, task })
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof SourceProblem)) throw error
      task.report(error.message)
      reasons.push(`${where}: ${error.message}`)
    }
  }
  throw new Failure(
    'unavailable',
    `${job.definition.name} could not be obtained from any of its sources:\n  ${reasons.join('\n  ')}`,
    {
      mend: 'run it again, which goes on from what has come, or set knowledge-stack:modelMirror to a registry that has it',
    },
  )
}

/**
 * Transfers a model from one source and compares its files with its manifest.
 * @throws SourceProblem when this source cannot give it
 */
async function transferVerified(source: ModelSource, job: ModelJob): Promise<TransferredModel> {
  const { store, task } = job
  const name = nameAt(source, job.definition.name)
  let isThere = false
  try {
    for (let tries = 1; ; tries += 1) {
      const files = await transfer(source, name, job)
      isThere = true
      const installed = await store.find(name)
      if (installed === undefined) throw new SourceProblem('Ollama does not list it afterwards')
      const defects = await findDefects(installed, job)
      if (defects.length === 0) return { source, name, installed, ...(files && { files }) }

      await removeDefects(defects)
      const damage = describeDefects(defects)
      if (tries === TRIES) throw new SourceProblem(`it arrives damaged: ${damage}`)
      task.report(`${damage}: obtaining it again`)
    }
  } catch (error) {
    // Nobody must be served with what came damaged.
    if (isThere && error instanceof SourceProblem) await store.delete(name)
    throw error
  }
}

async function transfer(source: ModelSource, name: string, job: ModelJob) {
  if (isFileSource(source)) return importModel(source, job)
  const { definition, stall = STALL, store } = job
  await requireSpace(definition.name, definition.sizeBytes, store)
  const insecure = source.kind === 'mirror' && source.insecure === true
  await pull({ name, insecure, stall }, store, job.task)
  return undefined
}

/** Gives a transferred model its own name: from a mirror it came under one with host and namespace. */
export async function adopt({ name }: TransferredModel, job: ModelJob): Promise<void> {
  const model = job.definition.name
  if (name === model) return
  await job.store.copy(name, model)
  await job.store.delete(name)
}

function nameAt(source: ModelSource, model: string): string {
  if (source.kind !== 'mirror') return model
  const { model: ofMirror, tag } = modelAddress(model)
  return `${source.host}/${source.namespace}/${ofMirror}:${tag}`
}
