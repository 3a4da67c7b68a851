import { Failure, reasonOf } from '../infra/failure.ts'
import { readModelsOf } from '../infra/settings/home-paths.ts'
import { describeSource } from '../infra/settings/model-definition.ts'
import {
  ReadModels,
  recordedModels,
  sourcesText,
  type UnreadModel,
  UnreadModels,
} from '../infra/settings/read-models.ts'
import { readStackFile, type StackFile } from '../infra/settings/settings-file.ts'
import { changeJsonRecord } from './json-record.ts'
import { sourcesOf } from './models/model-job.ts'
import { readSource } from './models/read-source.ts'
import { isClaimed } from './ownership/home-owner.ts'

/**
 * A stack's file with its settings, where models that it only names are read from where they are first. What was read
 * stands in the stack's home folder, where the next one finds it; a folder that is not the stack's yet is left as it is.
 * @throws Failure as readStackFile, and `unavailable` where a model's file can be read nowhere
 */
export const openStackFile = (stack: string, file?: string): Promise<StackFile> =>
  withModelsRead(modelsIn => readStackFile(stack, file, modelsIn))

/** @param read reads settings; it is called again with the models that it lacks, once they were read */
export async function withModelsRead<T>(
  read: (modelsIn: typeof recordedModels) => T | Promise<T>,
): Promise<T> {
  try {
    return await read(recordedModels)
  } catch (error) {
    if (!(error instanceof UnreadModels)) throw error
    const found = await readModels(error)
    return read(home => ({ ...recordedModels(home), ...found }))
  }
}

async function readModels({ of, models, mirror }: UnreadModels): Promise<ReadModels> {
  const found: ReadModels = {}
  for (const model of models) {
    const architecture = await readModel(model, mirror)
    found[model.name] = { sources: sourcesText(model, mirror), architecture }
  }
  if (await isClaimed(of)) {
    await changeJsonRecord(readModelsOf(of.home), ReadModels, before => ({ ...before, ...found }))
  }
  return found
}

async function readModel({ name, sources }: UnreadModel, mirror: UnreadModels['mirror']) {
  const reasons: string[] = []
  for (const source of sourcesOf({ definition: { sources }, mirror })) {
    try {
      const architecture = await readSource(source, name)
      if (architecture !== undefined) return architecture
      reasons.push(`${describeSource(source)}: its file can only be read once it is here`)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      reasons.push(`${describeSource(source)}: ${reasonOf(error)}`)
    }
  }
  throw new Failure(
    'unavailable',
    `The file of ${name} can be read nowhere:\n  ${reasons.join('\n  ')}`,
    {
      mend: `correct its sources; where its file is no GGUF, give contextLength, sizeBytes and figures of ${name} too, under knowledge-stack:models`,
    },
  )
}
