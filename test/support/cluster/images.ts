import { join } from 'node:path'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { chromaImage, DEFAULT_CHROMA } from '../../../infra/settings/chroma-version.ts'
import { Images, OWN_IMAGE } from '../../../infra/settings/image-settings.ts'
import { DEFAULT_OLLAMA, ollamaImage } from '../../../infra/settings/ollama-version.ts'
import { minutes } from '../../../infra/units.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import { startEngine } from '../docker/engine.ts'
import {
  OTHER_CHROMA,
  provideImages,
  provideOtherChromas,
  SPOILING_CHROMA,
} from '../docker/images.ts'

/**
 * All images of a stack in one docker archive: the servers' real programs, and the project's own from its
 * Dockerfile. A Docker Engine makes them, and ends then: the cluster has no need of it.
 * @returns path of the archive, in the folder
 */
export async function stackImages(folder: string): Promise<string> {
  const archive = join(folder, 'images.tar')
  const engine = await startEngine()
  try {
    await provideImages(engine.docker)
    await provideOtherChromas(engine.docker)
    const docker = (...args: string[]) =>
      runCommand(['docker', ...args], {
        // Engines of Debian's have no other builder.
        env: { ...process.env, DOCKER_HOST: engine.host, DOCKER_BUILDKIT: '0' },
        signal: AbortSignal.timeout(minutes(10)),
      })
    await docker('build', '--network', 'host', '--tag', OWN_IMAGE, PROJECT_ROOT)
    const { front } = Images.parse({})
    const chromas = [DEFAULT_CHROMA, OTHER_CHROMA, SPOILING_CHROMA].map(chromaImage)
    const ollama = ollamaImage(DEFAULT_OLLAMA)
    await docker('save', '--output', archive, ...chromas, ollama, front, OWN_IMAGE)
  } finally {
    await engine.stop()
  }
  return archive
}
