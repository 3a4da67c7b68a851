import type { z } from 'zod'
import type { Figures } from '../capacity/model/figures.ts'
import type { Bytes } from '../units.ts'
import type { Source } from './own-model-schema.ts'

/** What a model is for: `embedding` turns texts into vectors, `chat` answers. */
export type Role = 'embedding' | 'chat'

/** Where a model's weights can come from. A model names its sources in the order they are tried. */
export type ModelSource = z.infer<typeof Source>

/** Sources whose files the machine that provisions has, or can have, itself. */
export type FileSource = Extract<ModelSource, { kind: 'folder' | 'package' }>

export const isFileSource = (source: ModelSource): source is FileSource =>
  source.kind === 'folder' || source.kind === 'package'

/** A registry that is asked before the library. */
export type ModelMirror = { host: string; namespace: string; insecure: boolean }

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
  /** What the plan goes by until the model's own file was read; without it such a plan is refused. */
  figures?: Figures
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

export const LIBRARY_HOST = 'registry.ollama.ai'
const LIBRARY_NAMESPACE = 'library'

/**
 * Where a model is, by Ollama's own reading of a name: `model`, `namespace/model` or `host/namespace/model`, and a tag
 * that is `latest` where there is none. A host may have a port.
 */
export function modelAddress(name: string) {
  const parts = name.split('/')
  const [model = '', tag = 'latest'] = (parts.pop() ?? '').split(':')
  const namespace = parts.pop() ?? LIBRARY_NAMESPACE
  return { host: parts.pop(), namespace, model, tag }
}

/** A name with its tag written out. */
export function withTag(name: string): string {
  return name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`
}

/** The model derived from `name` with the context pinned, which requests use: `smollm2:135m-ctx4096`. */
export function servedName(name: string, contextLength: number): string {
  return `${withTag(name)}-ctx${contextLength}`
}

/** What a model was derived from, by its name (servedName); undefined for one that was not. */
export const derivedFrom = (name: string): string | undefined => /^(.+)-ctx\d+$/.exec(name)?.[1]

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
