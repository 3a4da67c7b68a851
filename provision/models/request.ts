import { dirname, join } from 'node:path'
import type { ModelDefinition, ModelSource } from '../../infra/settings/models.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import { toolchainOptions } from '../toolchain/options.ts'
import type { Delivery } from './arrival.ts'
import type { Derivation } from './derive.ts'
import type { Locks } from './lock.ts'

/** A model that a deployment wants. */
export interface ModelRequest {
  definition: ModelDefinition
  /** The derived name that requests use: `smollm2:135m-ctx4096`. */
  serves: string
  /** Tokens, pinned in the derived model. */
  contextLength: number
  /** Tokens computed at a time, pinned when given. */
  batch?: number
  /** The stack's own registry: tried before the library, in its place in the order. */
  mirror?: { host: string; namespace: string; insecure?: boolean }
  /** For everything together. */
  deadline: Millis
  /** No new byte for so long is a stall; a minute when absent. */
  stall?: Millis
}

const STALL: Millis = seconds(60)

/** In the order they are tried. */
export function sourcesOf({
  definition,
  mirror,
}: Pick<ModelRequest, 'definition' | 'mirror'>): ModelSource[] {
  return definition.sources.flatMap(source =>
    source.kind === 'library' && mirror ? [{ kind: 'mirror' as const, ...mirror }, source] : source,
  )
}

export function deliveryOf({ definition, stall }: ModelRequest, locks: Locks): Delivery {
  return {
    model: definition.name,
    sizeBytes: definition.sizeBytes,
    stall: stall ?? STALL,
    cache: toolchainOptions(process.env).cache,
    hashes: hashesOf(locks),
  }
}

export function derivationOf(request: ModelRequest, locks: Locks): Derivation {
  const { definition, serves, contextLength, batch } = request
  return {
    name: definition.name,
    serves,
    pins: { num_ctx: contextLength, ...(batch !== undefined && { num_batch: batch }) },
    hashes: hashesOf(locks),
  }
}

/** What was hashed is remembered beside what was locked. */
const hashesOf = ({ recordFile }: Locks): string => join(dirname(recordFile), 'hashed-blobs.json')
