import { z } from 'zod'
import { Failure } from '../failure.ts'
import type { Outputs } from '../outputs.ts'
import { PROJECT } from '../project.ts'
import type { Settings } from '../settings/parse-settings.ts'

/** How data is laid out when it comes in. Vectors of one model are nothing to another, so the model is a part of it. */
export const Layout = z.object({
  shards: z.int().positive(),
  instances: z.int().positive(),
  embeddingModel: z.string(),
  dimensions: z.int().positive(),
  /** What the model wants before texts that are stored, and before questions. */
  documentPrefix: z.string(),
  queryPrefix: z.string(),
})
export type Layout = z.infer<typeof Layout>

/** The layout that the settings ask for. */
export function layoutOf({ chroma: { shards, instances }, models }: Settings): Layout {
  const embedding = models.flatMap(({ definition }) =>
    definition.role === 'embedding' ? [definition] : [],
  )[0]!
  return {
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
    shards: chroma.shards,
    instances: chroma.instances.length,
    embeddingModel: embedding?.name,
    dimensions: embedding?.dimensions,
    documentPrefix: embedding?.prefixes?.document,
    queryPrefix: embedding?.prefixes?.query,
  } satisfies Partial<Layout>
}

/**
 * Requires that data which is there is still where the settings look for it, and of the model that they ask: neither
 * changes when a setting does.
 * @param recorded what is known of the data, from wherever it is written down
 * @throws Failure `misused` with what it was and what it is to be
 */
export function requireLayout(settings: Settings, recorded: (Partial<Layout> | undefined)[]): void {
  for (const layout of recorded) if (layout !== undefined) requireSame(settings, layout)
}

function requireSame(settings: Settings, recorded: Partial<Layout>): void {
  const { stack } = settings
  const wanted = layoutOf(settings)
  const changed = (Object.keys(wanted) as (keyof Layout)[]).filter(
    key => recorded[key] !== undefined && recorded[key] !== wanted[key],
  )
  // Another model has other figures: the model is what was set.
  const told = changed.includes('embeddingModel') ? changed.filter(key => !OF_MODEL[key]) : changed
  if (told.length === 0) return
  const settingOf = (key: keyof Layout) =>
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
      mend: `set back ${back.join(' and ')}, or start without the data: npm run down -- --stack ${stack} --purge`,
    },
  )
}

/** Figures of the embedding model, by where a stack that defines it itself says them. */
const OF_MODEL: Partial<Record<keyof Layout, string>> = {
  dimensions: 'dimensions',
  documentPrefix: 'prefixes.document',
  queryPrefix: 'prefixes.query',
}
