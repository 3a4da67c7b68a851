import { z } from 'zod'
import { Failure } from '../failure.ts'
import type { Outputs } from '../outputs.ts'
import { PROJECT } from '../project.ts'
import type { Settings } from '../settings/parse-settings.ts'
import { FIRST_GENERATION } from '../shards.ts'

/** How data is laid out when it comes in. Vectors of one model are nothing to another, so the model is a part of it. */
export const Layout = z.object({
  /** Which layout of the stack's data it is, from 1: each move to another makes the next. */
  generation: z.int().positive().default(FIRST_GENERATION),
  shards: z.int().positive(),
  instances: z.int().positive(),
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
  const embedding = models.flatMap(({ definition }) =>
    definition.role === 'embedding' ? [definition] : [],
  )[0]!
  return {
    generation,
    shards,
    instances,
    embeddingModel: embedding.name,
    dimensions: embedding.dimensions,
    documentPrefix: embedding.prefixes.document,
    queryPrefix: embedding.prefixes.query,
  }
}

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

/**
 * Requires that data which is there is still where the settings look for it, and of the model that they ask: neither
 * changes when a setting does.
 * @returns the data's generation
 * @throws Failure `misused` with what it was and what it is to be
 */
export function requireLayout(settings: Settings, known: KnownLayouts): number {
  const newest = newestOf(known)
  for (const layout of newest) requireSame(settings, layout)
  return newest.length === 0 ? FIRST_GENERATION : generationIn(newest[0]!)
}

/** What settings say of a layout. */
type Told = Exclude<keyof Layout, 'generation'>

function requireSame(settings: Settings, recorded: Partial<Layout>): void {
  const { stack } = settings
  const { generation: _, ...wanted } = layoutOf(settings, generationIn(recorded))
  const changed = (Object.keys(wanted) as Told[]).filter(
    key => recorded[key] !== undefined && recorded[key] !== wanted[key],
  )
  // Another model has other figures: the model is what was set.
  const told = changed.includes('embeddingModel') ? changed.filter(key => !OF_MODEL[key]) : changed
  if (told.length === 0) return
  const settingOf = (key: Told) =>
    `${PROJECT}:${OF_MODEL[key] === undefined ? key : `models ${wanted.embeddingModel}.${OF_MODEL[key]}`}`
  const back = told.map(key => `${settingOf(key)} ${JSON.stringify(recorded[key])}`)
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
        ...(told.includes('shards')
          ? [`move the data: npm run reshard -- --stack ${stack} --shards ${wanted.shards}`]
          : []),
        `set back ${back.join(' and ')}`,
        `start without the data: npm run down -- --stack ${stack} --purge`,
      ].join(', or '),
    },
  )
}

/** Figures of the embedding model, by where a stack that defines it itself says them. */
const OF_MODEL: Partial<Record<Told, string>> = {
  dimensions: 'dimensions',
  documentPrefix: 'prefixes.document',
  queryPrefix: 'prefixes.query',
}
