import type { BlockType } from '../capacity/shapes.ts'

/**
 * A model as its publisher's config.json has it, with the tensors that llama.cpp asks for (src/models/*.cpp). Lengths are
 * in elements.
 */
export interface RealShape {
  name: string
  family: string
  layers: number
  embedding: number
  feedForward: number
  heads: number
  kvHeads: number
  headLength: number
  vocabulary: number
  /** Tokens it was trained for. */
  trained: number
  /** Of most matrices, and of the token embedding. */
  types: readonly [matrices: BlockType, tokens: BlockType]
  untied?: boolean
  window?: number
  experts?: { count: number; used: number; feedForward: number; shared?: number; dense?: number }
  /** Multi-head latent attention: what keys and values are compressed to, and the parts of a head. */
  latent?: { query?: number; keyValue: number; rope: number; nope: number; value: number }
  /** How tokens become one vector, by llama.cpp's number: 1 the mean, 2 the first, 3 the last. */
  pooling?: number
}

const Q4 = ['Q4_K', 'Q6_K'] as const
const Q8 = ['Q8_0', 'Q8_0'] as const
const F16 = ['F16', 'F16'] as const

type Row = [
  name: string,
  family: string,
  layers: number,
  embedding: number,
  feedForward: number,
  heads: number,
  kvHeads: number,
  headLength: number,
  vocabulary: number,
  trained: number,
  types: RealShape['types'],
  more?: Partial<RealShape>,
]

const DENSE = { untied: true }

const ROWS: Row[] = [
  ['smollm2:135m', 'llama', 30, 576, 1536, 9, 3, 64, 49_152, 8192, F16],
  ['llama2:7b', 'llama', 32, 4096, 11_008, 32, 32, 128, 32_000, 4096, Q4, DENSE],
  ['llama3.1:8b', 'llama', 32, 4096, 14_336, 32, 8, 128, 128_256, 131_072, Q4, DENSE],
  ['llama3.2:1b', 'llama', 16, 2048, 8192, 32, 8, 64, 128_256, 131_072, Q8],
  ['llama3.2:3b', 'llama', 28, 3072, 8192, 24, 8, 128, 128_256, 131_072, Q4],
  ['llama3.3:70b', 'llama', 80, 8192, 28_672, 64, 8, 128, 128_256, 131_072, Q4, DENSE],
  ['mistral:7b', 'llama', 32, 4096, 14_336, 32, 8, 128, 32_768, 32_768, Q4, DENSE],
  [
    ...(['mixtral:8x7b', 'llama', 32, 4096, 14_336, 32, 8, 128, 32_000, 32_768, Q4] as const),
    { untied: true, experts: { count: 8, used: 2, feedForward: 14_336 } },
  ],
  ['deepseek-r1:7b', 'qwen2', 28, 3584, 18_944, 28, 4, 128, 152_064, 131_072, Q4, DENSE],
  ['deepseek-r1:32b', 'qwen2', 64, 5120, 27_648, 40, 8, 128, 152_064, 131_072, Q4, DENSE],
  ['qwen3:0.6b', 'qwen3', 28, 1024, 3072, 16, 8, 128, 151_936, 40_960, Q4],
  ['qwen3:1.7b', 'qwen3', 28, 2048, 6144, 16, 8, 128, 151_936, 40_960, Q4],
  ['qwen3:4b', 'qwen3', 36, 2560, 9728, 32, 8, 128, 151_936, 40_960, Q4],
  ['qwen3:8b', 'qwen3', 36, 4096, 12_288, 32, 8, 128, 151_936, 40_960, Q4, DENSE],
  ['qwen3:14b', 'qwen3', 40, 5120, 17_408, 40, 8, 128, 151_936, 40_960, Q4, DENSE],
  ['qwen3:32b', 'qwen3', 64, 5120, 25_600, 64, 8, 128, 151_936, 40_960, Q4, DENSE],
  [
    ...(['qwen3:30b-a3b', 'qwen3moe', 48, 2048, 6144, 32, 4, 128, 151_936, 40_960, Q4] as const),
    { untied: true, experts: { count: 128, used: 8, feedForward: 768 } },
  ],
  ['gemma2:2b', 'gemma2', 26, 2304, 9216, 8, 4, 256, 256_000, 8192, Q4, { window: 4096 }],
  ['gemma2:9b', 'gemma2', 42, 3584, 14_336, 16, 8, 256, 256_000, 8192, Q4, { window: 4096 }],
  ['gemma3:1b', 'gemma3', 26, 1152, 6912, 4, 1, 256, 262_144, 32_768, Q4, { window: 512 }],
  ['gemma3:4b', 'gemma3', 34, 2560, 10_240, 8, 4, 256, 262_208, 131_072, Q4, { window: 1024 }],
  ['gemma3:12b', 'gemma3', 48, 3840, 15_360, 16, 8, 256, 262_208, 131_072, Q4, { window: 1024 }],
  ['gemma3:27b', 'gemma3', 62, 5376, 21_504, 32, 16, 128, 262_208, 131_072, Q4, { window: 1024 }],
  ['phi3:3.8b', 'phi3', 32, 3072, 8192, 32, 32, 96, 32_064, 131_072, Q4, DENSE],
  ['phi4:14b', 'phi3', 40, 5120, 17_920, 40, 10, 128, 100_352, 16_384, Q4, DENSE],
  [
    ...(['gpt-oss:20b', 'gpt-oss', 24, 2880, 2880, 64, 8, 64, 201_088, 131_072, Q8] as const),
    { untied: true, window: 128, experts: { count: 32, used: 4, feedForward: 2880 } },
  ],
  [
    ...(['gpt-oss:120b', 'gpt-oss', 36, 2880, 2880, 64, 8, 64, 201_088, 131_072, Q8] as const),
    { untied: true, window: 128, experts: { count: 128, used: 4, feedForward: 2880 } },
  ],
  [
    ...(['deepseek-v2:16b', 'deepseek2', 27, 2048, 10_944, 16, 16, 192, 102_400, 163_840] as const),
    ...([Q4] as const),
    {
      untied: true,
      experts: { count: 64, used: 6, feedForward: 1408, shared: 2, dense: 1 },
      latent: { keyValue: 512, rope: 64, nope: 128, value: 128 },
    },
  ],
  [
    ...(['deepseek-r1:671b', 'deepseek2', 61, 7168, 18_432, 128, 128, 192, 129_280] as const),
    ...([163_840, Q4] as const),
    {
      untied: true,
      experts: { count: 256, used: 8, feedForward: 2048, shared: 1, dense: 3 },
      latent: { query: 1536, keyValue: 512, rope: 64, nope: 128, value: 128 },
    },
  ],
  ['nomic-embed-text', 'nomic-bert', 12, 768, 3072, 12, 12, 64, 30_522, 2048, F16, { pooling: 1 }],
  ['all-minilm', 'bert', 6, 384, 1536, 12, 12, 32, 30_522, 512, F16, { pooling: 1 }],
  ['mxbai-embed-large', 'bert', 24, 1024, 4096, 16, 16, 64, 30_522, 512, F16, { pooling: 2 }],
  ['bge-m3', 'bert', 24, 1024, 4096, 16, 16, 64, 250_002, 8192, F16, { pooling: 2 }],
  [
    ...(['embeddinggemma', 'gemma-embedding', 24, 768, 1152, 3, 1, 256, 262_144, 2048] as const),
    ...([['F16', 'F16']] as const),
    { pooling: 1, window: 512 },
  ],
  [
    ...(['qwen3-embedding:0.6b', 'qwen3', 28, 1024, 3072, 16, 8, 128, 151_669, 32_768] as const),
    ...([Q8] as const),
    { pooling: 3 },
  ],
]

const KEYS = [
  'name',
  'family',
  'layers',
  'embedding',
  'feedForward',
  'heads',
  'kvHeads',
  'headLength',
  'vocabulary',
  'trained',
  'types',
] as const

export const REAL_SHAPES: readonly RealShape[] = ROWS.map(row => {
  const figures = Object.fromEntries(KEYS.map((key, index) => [key, row[index]]))
  return { ...figures, ...row[KEYS.length] } as unknown as RealShape
})
