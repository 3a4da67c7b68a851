import type { KvCacheType } from '../../../infra/settings/settings-schema.ts'
import type { BenchModel } from './models.ts'

/** A model run with one set of settings. */
export interface Cell {
  model: BenchModel
  context: number
  parallel: number
  kvCache: KvCacheType
  /** Constants are fitted on the cells that are not held out, and errors are quoted for those that are. */
  heldOut: boolean
}

type Settings = [context: number, parallel: number, kvCache: KvCacheType]

/**
 * Time grows with the square of the context, and more so over an f16 cache without a CPU's half-precision
 * instructions: long ones are few.
 */
const SCALED: Settings[] = [
  [512, 1, 'f16'],
  [512, 4, 'f16'],
  [1024, 2, 'f16'],
  [1024, 4, 'q8_0'],
  [2048, 1, 'f16'],
  [2048, 2, 'q8_0'],
  [2048, 4, 'q8_0'],
  [3072, 1, 'f16'],
  [4096, 1, 'q8_0'],
  [4096, 2, 'q8_0'],
  [8192, 1, 'q8_0'],
]
/** Of the models with the fewest layers and heads. */
const LONGEST: Settings = [16_384, 1, 'q8_0']
const LONG = new Set(['scaled-llama', 'scaled-gpt-oss-fused'])

const REAL_CHAT: Settings[] = [
  [512, 1, 'f16'],
  [512, 2, 'q8_0'],
  [1024, 1, 'f16'],
  [1024, 1, 'q8_0'],
  [2048, 1, 'f16'],
]
const ENCODER: Settings[] = [
  [512, 1, 'f16'],
  [1024, 1, 'f16'],
  [2048, 4, 'f16'],
  [3072, 1, 'f16'],
]
const REAL_ENCODER: Settings[] = [
  [256, 1, 'f16'],
  [512, 1, 'f16'],
]

/** Models that nothing at all is fitted on: a real one, and made-up ones in shapes of their own. */
export const isNeverFitted = ({ name }: BenchModel): boolean =>
  name === 'gemma3:270m' || name.startsWith('unseen-')

const UNSEEN: Settings[] = [
  [512, 1, 'f16'],
  [1024, 2, 'q8_0'],
  [4096, 1, 'q8_0'],
]

/** Every third cell of the grid is held out, so that each model and each setting is on both sides. */
export function gridOf(models: readonly BenchModel[]): Cell[] {
  return models
    .flatMap(model =>
      settingsOf(model).map(([context, parallel, kvCache]) => ({
        model,
        context,
        parallel,
        kvCache,
      })),
    )
    .map((cell, index) => ({
      ...cell,
      heldOut: index % 3 === 2 || isNeverFitted(cell.model),
    }))
}

function settingsOf({ name, role }: BenchModel): Settings[] {
  if (name.startsWith('unseen-')) return role === 'chat' ? UNSEEN : ENCODER.slice(0, 2)
  const scaled = name.startsWith('scaled-')
  if (role === 'embedding') return scaled ? ENCODER : REAL_ENCODER
  if (!scaled) return REAL_CHAT
  return LONG.has(name) ? [...SCALED, LONGEST] : SCALED
}
