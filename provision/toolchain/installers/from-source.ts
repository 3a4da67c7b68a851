import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../infra/failure.ts'
import type { Task } from '../../progress.ts'
import { finishedFolder } from '../finished-folder.ts'
import type { Installer } from '../installer.ts'
import type { ToolchainOptions } from '../options.ts'
import { PINS, wantedVersion } from '../pinned-tools.ts'
import { LANGUAGE_HOST } from './from-path.ts'
import { buildPrograms, type GoPrograms } from './go-build.ts'
import { ollamaCompilers } from './ollama-headers.ts'
import type { ReleasedPart } from './release.ts'
import { vectorExtensions } from './vector-extensions.ts'

const MODULES = join(import.meta.dirname, 'go')

// Tags and flags are those of the vendors' own builds (pulumi .goreleaser.yml, ollama scripts/env.sh).
const PULUMI_FLAGS = {
  tags: ['osusergo', 'grpcnotrace'],
  ldflags: [`-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${PINS.pulumi.version}`],
  environment: {},
}

const ENGINE: GoPrograms = {
  module: join(MODULES, 'pulumi'),
  packages: ['github.com/pulumi/pulumi/pkg/v3/cmd/pulumi'],
  ...PULUMI_FLAGS,
}

/** From an older SDK, the last that the module proxies have it in; it is built to say the engine's version. */
const HOST: GoPrograms = {
  module: join(MODULES, LANGUAGE_HOST),
  packages: [`github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/${LANGUAGE_HOST}`],
  ...PULUMI_FLAGS,
}

/** What is built for each part, in order. */
type Programs = (options: ToolchainOptions, task: Task) => Promise<GoPrograms[]>

const PROGRAMS: Record<ReleasedPart, Programs> = {
  pulumi: async () => [ENGINE, HOST],
  ollama: async (options, task) => [
    {
      module: join(MODULES, 'ollama'),
      packages: ['github.com/ollama/ollama'],
      tags: [],
      ldflags: [
        `-X github.com/ollama/ollama/version.Version=${PINS.ollama.version}`,
        '-X github.com/ollama/ollama/server.mode=release',
      ],
      environment: await ollamaCompilers(options, task),
    },
  ],
}

/** What of this machine goes into a build: on another, which shares the cache, it is built again. */
const BUILT_FOR: Record<ReleasedPart, () => Promise<string[]>> = {
  pulumi: async () => [],
  ollama: () => vectorExtensions(),
}

/** Builds a part from package registries, where nothing else can be reached. Ollama comes without GPU support. */
export function fromSource(part: ReleasedPart): Installer {
  const { binary, title, version } = PINS[part]
  const what = `${title} ${version}`
  return {
    name: 'source',
    origin: 'source',
    how: 'built from source',
    async install(options, task) {
      const wanted = wantedVersion(part, options)
      if (wanted !== version) {
        throw new Failure(
          'unavailable',
          `${title} ${wanted} cannot be built from package registries; ${version} can`,
          { mend: `install ${title} ${wanted} so that ${binary} on PATH is it` },
        )
      }
      const name = [part, version, 'source', ...(await BUILT_FOR[part]())].join('-')
      const folder = join(options.cache, 'tools', name)
      await finishedFolder(folder, what, task, async draft => {
        const bin = join(draft, 'bin')
        await mkdir(bin)
        task.note?.(
          `${what} cannot be had any other way: it is built from source, once, which takes some minutes`,
        )
        for (const program of await PROGRAMS[part](options, task)) {
          await buildPrograms(program, bin, draft, what, options.env, task)
        }
      })
      const bin = join(folder, 'bin')
      return { version, command: [join(bin, binary)], binFolders: [bin] }
    },
  }
}
