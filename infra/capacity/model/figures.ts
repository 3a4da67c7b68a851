import type { z } from 'zod'
import type { ModelFigures } from '../../settings/own-model-schema.ts'
import type { Architecture, Shape } from './architecture.ts'
import { isEncoder, slidingLayers } from './architecture.ts'

/** What the catalog knows of a model before its file can be read, and what its file in the Ollama library is made of. */
export type Figures = z.infer<typeof ModelFigures> & {
  /** An image as the model sees it, see Shape. */
  vision?: Shape['vision']
}

const BYTES_PER_ELEMENT = { f16: 2, q8_0: 34 / 32 }

/** Tokenizers have 2.22 (gpt-oss) or fewer rules per token. */
const MERGES_PER_TOKEN = 2.25

/**
 * An architecture from catalog figures: the shape is the model's, the split of the weights is a bound.
 * @param fileBytes bytes of the model's file in the Ollama library
 */
export function architectureOf(
  figures: Figures,
  contextLength: number,
  fileBytes: number,
): Architecture {
  const { layers, headLength, experts } = figures
  const tokenEmbedding = Math.min(
    fileBytes,
    Math.ceil(figures.vocabulary * figures.embedding * BYTES_PER_ELEMENT[figures.embeddingType]),
  )
  const output = figures.untied ? Math.min(tokenEmbedding, fileBytes - tokenEmbedding) : 0
  return {
    shape: {
      family: figures.family,
      layers,
      embedding: figures.embedding,
      feedForward: figures.feedForward,
      heads: figures.heads,
      kvHeads: kvHeadsOf(figures),
      keyLength: headLength,
      valueLength: headLength,
      vocabulary: figures.vocabulary,
      merges: Math.ceil(figures.vocabulary * MERGES_PER_TOKEN),
      contextLength,
      slidingWindow: slidingLayers(figures.family, layers, figures.slidingWindow),
      experts: experts && { feedForward: figures.feedForward, ...experts },
      // The form that takes more, since a name does not tell which conversion a file is of.
      ...(experts && figures.family === 'gptoss' ? { fused: true as const } : {}),
      vision: figures.vision,
      encoder: figures.encoder ?? isEncoder(figures.family, figures.pooling),
      pooling: figures.pooling,
      tokenizer: figures.tokenizer === undefined ? undefined : { model: figures.tokenizer },
    },
    weights: {
      repeating: fileBytes - tokenEmbedding - output,
      tokenEmbedding,
      output,
      input: 0,
      rest: 0,
    },
    fileBytes,
    source: 'catalog',
    exact: false,
  }
}

/** One number for all layers, or one each. */
function kvHeadsOf({ layers, kvHeads }: Figures): [number, ...number[]] {
  const list = Array.isArray(kvHeads) ? kvHeads : Array.from({ length: layers }, () => kvHeads)
  return list as [number, ...number[]]
}
