import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { blobPath, type ManifestLayer, manifestPath } from '../../../checks/models/model-files.ts'

export interface StoredModel {
  gguf: Buffer
  /** `general.architecture` of the GGUF. */
  family: string
  template?: string
  parameters?: Record<string, unknown>
}

/** Writes a model into an Ollama model folder as the library would have it, for a mirror to serve. */
export async function storeModel(
  folder: string,
  name: string,
  model: StoredModel,
): Promise<ManifestLayer[]> {
  const parts: [string, Buffer | string | undefined][] = [
    ['application/vnd.ollama.image.model', model.gguf],
    ['application/vnd.ollama.image.template', model.template],
    ['application/vnd.ollama.image.params', model.parameters && JSON.stringify(model.parameters)],
  ]
  const layers: ManifestLayer[] = []
  for (const [mediaType, content] of parts) {
    if (content !== undefined) layers.push(await storeBlob(folder, mediaType, content))
  }
  const config = await storeBlob(
    folder,
    'application/vnd.docker.container.image.v1+json',
    JSON.stringify({
      model_format: 'gguf',
      model_family: model.family,
      model_families: [model.family],
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map(layer => layer.digest) },
    }),
  )
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json'
  const manifest = manifestPath(folder, name)
  await mkdir(dirname(manifest), { recursive: true })
  await writeFile(manifest, JSON.stringify({ schemaVersion: 2, mediaType, config, layers }))
  return [...layers, config]
}

async function storeBlob(
  folder: string,
  mediaType: string,
  content: Buffer | string,
): Promise<ManifestLayer> {
  const data = Buffer.from(content)
  const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`
  const path = blobPath(folder, digest)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, data)
  return { mediaType, digest, size: data.length }
}
