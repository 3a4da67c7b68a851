import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { create } from 'tar'

/** An image made here, for want of a registry to pull from. */
export interface Image {
  /** With its tag. */
  name: string
  /** Uncompressed tar files, the lowest first. */
  layers: string[]
  entrypoint: string[]
  /** amd64 when absent. */
  architecture?: string
  env?: Record<string, string>
  workingDir?: string
}

/**
 * Writes an image as `docker save` does, which Docker and containerd both load.
 * @returns the path of the archive, in the folder
 */
export async function writeImage(folder: string, image: Image): Promise<string> {
  const draft = await mkdtemp(join(folder, 'image-'))
  const digests = await Promise.all(image.layers.map(digestOf))
  const config = {
    architecture: image.architecture ?? 'amd64',
    os: 'linux',
    config: {
      Entrypoint: image.entrypoint,
      Env: Object.entries({ PATH, ...image.env }).map(([key, value]) => `${key}=${value}`),
      ...(image.workingDir && { WorkingDir: image.workingDir }),
    },
    rootfs: { type: 'layers', diff_ids: digests.map(digest => `sha256:${digest}`) },
  }
  const manifest = {
    Config: 'config.json',
    RepoTags: [image.name],
    Layers: digests.map(digest => `${digest}.tar`),
  }
  await writeFile(join(draft, 'config.json'), JSON.stringify(config))
  await writeFile(join(draft, 'manifest.json'), JSON.stringify([manifest]))
  for (const [index, layer] of image.layers.entries()) {
    await link(layer, join(draft, `${digests[index]}.tar`))
  }
  const archive = join(folder, `${basename(image.name).replaceAll(/[^a-z0-9.]/g, '-')}.tar`)
  await create({ cwd: draft, file: archive, portable: true }, [
    'manifest.json',
    'config.json',
    ...manifest.Layers,
  ])
  await rm(draft, { recursive: true })
  return archive
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
