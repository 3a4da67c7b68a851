import { z } from 'zod'
import { Failure } from '../failure.ts'
import type { Outputs } from '../outputs.ts'
import { PROJECT } from '../project.ts'
import type { EmbeddingModel } from '../settings/model-definition.ts'
import type { PlannedModel, Settings } from '../settings/parse-settings.ts'
import { FIRST_GENERATION } from '../shards.ts'

/** How data is laid out when it comes in. Vectors of one model are nothing to another, so the model is a part of it. */
export const Layout = z.object({
  /** Which layout of the stack's data it is, from 1: each move to another makes the next. */
  generation: z.int().positive().default(FIRST_GENERATION),
  shards: z.int().positive(),
  instances: z.int().positive(),
  /** What the data was moved away from: a setting that still says so is an old one. */
  leftShards: z.int().positive().optional(),
  leftInstances: z.int().positive().optional(),
  leftEmbeddingModel: z.string().optional(),
  embeddingModel: z.string(),
  dimensions: z.int().positive(),
  /** What the model wants before texts that are stored, and before questions. */
  documentPrefix: z.string(),
  queryPrefix: z.string(),
})
export type Layout = z.infer<typeof Layout>

/** The layout that the settings ask for, as which generation of it. */
export function layoutOf(
  { chroma: { shards, instances }, models }: Settings,
  generation = FIRST_GENERATION,
): Layout {
  return { generation, shards, instances, ...modelPart(embeddingsOf(models)[0]!) }
}

const modelPart = ({ name, dimensions, prefixes }: EmbeddingModel) => ({
  embeddingModel: name,
  dimensions,
  documentPrefix: prefixes.document,
  queryPrefix: prefixes.query,
})

const embeddingsOf = (models: readonly PlannedModel[]): EmbeddingModel[] =>
  models.flatMap(({ definition }) => (definition.role === 'embedding' ? [definition] : []))

/** The layout of what is deployed, as far as outputs of older versions tell. */
export function deployedLayout({ chroma, models }: Pick<Outputs, 'chroma' | 'models'>) {
  const embedding = models.find(({ role }) => role === 'embedding')
  return {
    generation: chroma.generation,
    shards: chroma.shards,
    instances: chroma.instances.length,
    embeddingModel: embedding?.name,
    dimensions: embedding?.dimensions,
    documentPrefix: embedding?.prefixes?.document,
    queryPrefix: embedding?.prefixes?.query,
  } satisfies Partial<Layout>
}

/** What is known of data, from wherever it is written down. */
export type KnownLayouts = readonly (Partial<Layout> | undefined)[]

const generationIn = ({ generation = FIRST_GENERATION }: Partial<Layout>): number => generation

/** Those of the newest generation: what says another was written down before the data was moved. */
export function newestOf(known: KnownLayouts): Partial<Layout>[] {
  const layouts = known.filter(layout => layout !== undefined)
  const newest = Math.max(FIRST_GENERATION, ...layouts.map(generationIn))
  return layouts.filter(layout => generationIn(layout) === newest)
}

/** As what a stack is deployed. */
export interface LayoutToDeploy {
  /** As the data is laid out. */
  layout: Layout
  /** What the settings ask for beyond that, and the command that moves the data there. */
  pending?: string
}

/**
 * Data stays where it is, and of the model that it was made with, when a setting changes: another number of shards, more
 * servers and another model are for `reshard` to use.
 * @throws Failure `misused` for settings that the data cannot be deployed with, with what it was and what it is to be
 */
export function layoutToDeploy(settings: Settings, known: KnownLayouts): LayoutToDeploy {
  const newest = newestOf(known)
  const wanted = layoutOf(settings)
  for (const layout of newest) requireSuited(settings, layout)
  const recorded = newest.flatMap(Object.entries).filter(([, value]) => value !== undefined)
  const layout: Layout = { ...wanted, ...Object.fromEntries(recorded) }
  const asked = MOVED.filter(key => layout[key] !== wanted[key])
  if (asked.length === 0) return { layout }
  const { stack } = settings
  const told = asked.map(key =>
    key === 'embeddingModel'
      ? `${PROJECT}:${key} is ${wanted[key]}, and the data stays embedded by ${layout[key]}`
      : `${PROJECT}:${key} is ${wanted[key]}, and the data stays laid out for ${layout[key]}`,
  )
  return {
    layout,
    pending: `${told.join('; ')}, until it is moved: ${MOVE} --stack ${stack}`,
  }
}

/**
 * The settings with which a stack is deployed whose data is laid out so: with the servers that either has, and the model
 * that the data was made with before the one that it is to have.
 */
export function asDeployed(settings: Settings, layout: Layout): Settings {
  const { chroma, models } = settings
  const { shards, embeddingModel } = layout
  const instances = Math.max(layout.instances, chroma.instances)
  const isServed = models.some(({ definition }) => definition.name === embeddingModel)
  const before = isServed ? [] : [embeddingIn(settings, embeddingModel)!]
  return {
    ...settings,
    chroma: { ...chroma, shards, instances },
    models: [...before, ...models],
  }
}

const embeddingIn = ({ embeddingModels }: Settings, name: string): PlannedModel | undefined =>
  embeddingModels.find(({ definition }) => definition.name === name)

/** What a move changes. */
export const MOVED = ['shards', 'instances', 'embeddingModel'] as const
/** Where a layout says what it was before that. */
const LEFT = {
  shards: 'leftShards',
  instances: 'leftInstances',
  embeddingModel: 'leftEmbeddingModel',
} as const

/** What a move to another layout leaves: settings that say it are old ones. */
export const leftBehind = (before: Layout, now: Layout): Partial<Layout> =>
  Object.fromEntries(
    MOVED.filter(key => before[key] !== now[key]).map(key => [LEFT[key], before[key]]),
  )

function requireSuited(settings: Settings, recorded: Partial<Layout>): void {
  const { stack } = settings
  const wanted = layoutOf(settings)
  const isOther = (key: Told) => recorded[key] !== undefined && recorded[key] !== wanted[key]
  const moved = MOVED.filter(key => isOther(key) && isRefused(key, wanted, recorded))
  // Another model has other figures: what is set is the model.
  const figures = isOther('embeddingModel') ? [] : FIGURES.filter(isOther)
  const told: Told[] = [...moved, ...figures]
  if (told.length === 0) {
    requireDefined(settings, recorded)
    return
  }
  const settingOf = (key: Told) =>
    `${PROJECT}:${OF_MODEL[key] === undefined ? key : `models ${wanted.embeddingModel}.${OF_MODEL[key]}`}`
  const back = told.map(key => `${settingOf(key)} ${JSON.stringify(recorded[key])}`)
  const flags = moved.map(key => ` ${FLAGS[key]} ${wanted[key]}`).join('')
  throw new Failure(
    'misused',
    told
      .map(
        key =>
          `${settingOf(key)} is ${JSON.stringify(wanted[key])}, but the data of stack ${stack} was laid out for ${JSON.stringify(recorded[key])}`,
      )
      .join('\n'),
    {
      mend: [
        `set back ${back.join(' and ')}`,
        ...(figures.length === 0 ? [`move the data: ${MOVE} --stack ${stack}${flags}`] : []),
        `start without the data: npm run down -- --stack ${stack} --purge`,
      ].join(', or '),
    },
  )
}

/** The model of the data has to be served until the data has left it, with the figures that it had. */
function requireDefined(settings: Settings, recorded: Partial<Layout>): void {
  const { embeddingModel: name } = recorded
  if (name === undefined || name === layoutOf(settings).embeddingModel) return
  const { stack } = settings
  const found = embeddingIn(settings, name)
  const figures = found && modelPart(found.definition as EmbeddingModel)
  const other = FIGURES.find(key => recorded[key] !== undefined && recorded[key] !== figures?.[key])
  if (figures !== undefined && other === undefined) return
  const known = Object.fromEntries(
    FIGURES.map(key => [OF_MODEL[key], recorded[key]]).filter(([, value]) => value !== undefined),
  )
  throw new Failure(
    'misused',
    `The data of stack ${stack} was embedded by ${name}, which the settings ${figures === undefined ? 'do not define' : 'define otherwise'}`,
    {
      mend: `keep it under ${PROJECT}:models, with ${JSON.stringify(known)}, until the data is embedded anew: ${MOVE} --stack ${stack}`,
    },
  )
}

/** One that the data has left is an old one, and of fewer servers some would be missed. */
const isRefused = (
  key: (typeof MOVED)[number],
  wanted: Layout,
  recorded: Partial<Layout>,
): boolean =>
  recorded[LEFT[key]] === wanted[key] ||
  (key === 'instances' && wanted.instances < (recorded.instances ?? 0))

const MOVE = 'npm run reshard --'
const FLAGS = {
  shards: '--shards',
  instances: '--instances',
  embeddingModel: '--embedding-model',
} as const

/** What settings say of a layout. */
type Told = Exclude<keyof Layout, 'generation' | (typeof LEFT)[keyof typeof LEFT]>

/** Figures of the embedding model, by where a stack that defines it itself says them. */
const OF_MODEL: Partial<Record<Told, string>> = {
  dimensions: 'dimensions',
  documentPrefix: 'prefixes.document',
  queryPrefix: 'prefixes.query',
}
const FIGURES = Object.keys(OF_MODEL) as ('dimensions' | 'documentPrefix' | 'queryPrefix')[]
