import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { Architecture } from '../capacity/model/architecture.ts'
import { Failure } from '../failure.ts'
import { readModelsOf } from './home-paths.ts'
import {
  describeSource,
  type ModelDefinition,
  type ModelMirror,
  type ModelSource,
} from './model-definition.ts'

/** What was read of a model's file at one of its sources, before anything was deployed. */
export const ReadModel = z.object({
  /** The sources that it was read from one of: others may have another file. */
  sources: z.string(),
  architecture: Architecture,
})
export type ReadModel = z.infer<typeof ReadModel>

export const ReadModels = z.record(z.string(), ReadModel)
export type ReadModels = z.infer<typeof ReadModels>

/** A model that a stack defines by its name, its role and where it is, and whose file nobody has read yet. */
export interface UnreadModel {
  name: string
  sources: ModelSource[]
}

/** Settings that are complete once these models' files were read. */
export class UnreadModels extends Failure {
  /** Whose they are, and the folder that what was read of them is kept in. */
  readonly of: { stack: string; home: string }
  readonly models: readonly UnreadModel[]
  readonly mirror: ModelMirror | undefined

  constructor(
    of: UnreadModels['of'],
    models: readonly UnreadModel[],
    mirror: ModelMirror | undefined,
  ) {
    const names = models.map(({ name }) => name).join(', ')
    super('misused', `The file of ${names} was not read yet, and the settings say nothing of it`, {
      mend: 'npm run plan',
    })
    this.of = of
    this.models = models
    this.mirror = mirror
  }
}

/** The sources of a model as one text, and of a file that is here how it is now. */
export function sourcesText(
  { sources }: Pick<UnreadModel, 'sources'>,
  mirror: ModelMirror | undefined,
): string {
  const texts = sources.map(source => {
    const text = describeSource(source)
    const stamp = source.kind === 'folder' ? stampOf(source.path) : undefined
    return stamp === undefined ? text : `${text} ${stamp}`
  })
  return [...texts, ...(mirror ? [`${mirror.host}/${mirror.namespace}`] : [])].join('; ')
}

/** Of a folder that of the GGUF files in it. */
function stampOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found?.isDirectory()) return found && `${found.size} ${found.mtimeMs}`
  const files = readdirSync(path).filter(name => name.endsWith('.gguf'))
  return files.map(name => stampOf(join(path, name))).join(' ')
}

/** What is on record in a home folder; nothing where there is none, or none that can be read. */
export function recordedModels(home: string): ReadModels {
  try {
    return ReadModels.parse(JSON.parse(readFileSync(readModelsOf(home), 'utf8')))
  } catch {
    return {}
  }
}

type Configured = Partial<ModelDefinition> & Pick<ModelDefinition, 'name' | 'role' | 'sources'>

/** A model as its settings and its file together say; undefined where neither says enough. */
export function completed(
  model: Configured,
  read: ReadModel | undefined,
): ModelDefinition | undefined {
  const shape = read?.architecture.shape
  const definition = {
    contextLength: shape?.contextLength,
    sizeBytes: read?.architecture.fileBytes,
    ...(model.role === 'embedding' && { dimensions: shape?.embedding }),
    ...withoutMissing(model),
  }
  const isWhole = Object.values(definition).every(value => value !== undefined)
  return isWhole ? (definition as ModelDefinition) : undefined
}

const withoutMissing = (model: Configured): Configured =>
  Object.fromEntries(Object.entries(model).filter(([, value]) => value !== undefined)) as Configured
