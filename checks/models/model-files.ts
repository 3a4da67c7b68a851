import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { LIBRARY_HOST, modelAddress } from '../../infra/settings/model-definition.ts'

/**
 * Ollama's model folder as it lies on disk: manifests/<host>/<namespace>/<model>/<tag> and
 * blobs/sha256-<hex>. Read in Ollama's manifest/ (v0.17.4).
 */

/** The media type of the layer that is a model's GGUF file. */
const WEIGHTS = 'application/vnd.ollama.image.model'

/** Those of a manifest's layers that are GGUF files: one, but for models kept as single tensors. */
export const weightsAmong = <Layer extends { mediaType: string }>(
  layers: readonly Layer[],
): Layer[] => layers.filter(({ mediaType }) => mediaType === WEIGHTS)

export const ManifestLayer = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.int().nonnegative(),
  /** Only on models kept as single tensors. */
  name: z.string().optional(),
})
export type ManifestLayer = z.infer<typeof ManifestLayer>

const ManifestFile = z.object({
  schemaVersion: z.int(),
  mediaType: z.string(),
  config: ManifestLayer,
  layers: z.array(ManifestLayer),
})

export interface ModelManifest {
  /** What any machine that pulls this model has as the manifest. */
  text: string
  /** sha256 of `text` in hex, as `/api/tags` shows it after a pull. */
  digest: string
  /** The files that make up the model, the configuration last. */
  layers: ManifestLayer[]
  sizeBytes: number
}

/**
 * Reads a manifest the way a pull would write it: an import's own file also holds the path of the store it was
 * imported into, so its digest would differ from machine to machine for the same weights.
 */
export function parseManifest(json: string): ModelManifest {
  const file = ManifestFile.parse(JSON.parse(json))
  const text = JSON.stringify(file)
  const layers = [...file.layers, file.config]
  return {
    text,
    digest: createHash('sha256').update(text).digest('hex'),
    layers,
    sizeBytes: layers.reduce((sum, layer) => sum + layer.size, 0),
  }
}

/** The manifest of a model, or undefined where the folder has none that can be read. */
export async function readManifest(
  folder: string,
  name: string,
): Promise<ModelManifest | undefined> {
  try {
    return parseManifest(await readFile(manifestPath(folder, name), 'utf8'))
  } catch {
    return undefined
  }
}

/** @param name `model:tag`, `namespace/model:tag` or `host/namespace/model:tag` */
export function manifestPath(folder: string, name: string): string {
  const { host = LIBRARY_HOST, namespace, model, tag } = modelAddress(name)
  return join(folder, 'manifests', host, namespace, model, tag)
}

/** @param digest `sha256:<hex>` */
export function blobPath(folder: string, digest: string): string {
  return join(folder, 'blobs', digest.replace(':', '-'))
}

/** Digests of the files that a folder holds whole: those of models, and what was left of making them. */
export async function blobsIn(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'blobs'))
  return names
    .filter(name => /^sha256-[0-9a-f]{64}$/.test(name))
    .map(name => name.replace('-', ':'))
}
