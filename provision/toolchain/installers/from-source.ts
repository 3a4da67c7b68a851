import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../../infra/failure.ts'
import {
  type Bytes,
  formatAbout,
  formatBytes,
  GiB,
  type Millis,
  minutes,
} from '../../../infra/units.ts'
import type { Task } from '../../progress.ts'
import { finishedFolder } from '../finished-folder.ts'
import type { Installer } from '../installer.ts'
import type { ToolchainOptions } from '../options.ts'
import { PINS, wantedVersion } from '../pinned-tools.ts'
import { LANGUAGE_HOST } from './from-path.ts'
import { buildPrograms, type GoPrograms, STAGES_OF_A_BUILD } from './go-build.ts'
import { ollamaCompilers } from './ollama-headers.ts'
import type { ReleasedPart } from './release.ts'
import { Stages } from './stages.ts'
import { vectorExtensions } from './vector-extensions.ts'

const MODULES = join(import.meta.dirname, 'go')

type Program = Omit<GoPrograms, 'environment'>

// Tags and flags are those of the vendors' own builds (pulumi .goreleaser.yml, ollama scripts/env.sh).
const PULUMI_FLAGS = {
  tags: ['osusergo', 'grpcnotrace'],
  ldflags: [`-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${PINS.pulumi.version}`],
}

const ENGINE: Program = {
  module: join(MODULES, 'pulumi'),
  packages: ['github.com/pulumi/pulumi/pkg/v3/cmd/pulumi'],
  ...PULUMI_FLAGS,
}

/** From an older SDK, the last that the module proxies have it in; it is built to say the engine's version. */
const HOST: Program = {
  module: join(MODULES, LANGUAGE_HOST),
  packages: [`github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/${LANGUAGE_HOST}`],
  ...PULUMI_FLAGS,
}

interface Build {
  /** In the order they are built. */
  programs: Program[]
  /** Brings what the compilers need beside Go, and says how they are called. */
  compilers(options: ToolchainOptions, task: Task): Promise<Record<string, string>>
  /** What of this machine goes into it: on another, which shares the cache, it is built again. */
  builtFor(): Promise<string[]>
  /** Of a first `npm run up` on MEASURED_CORES with empty caches; disk is that of Go's own caches too. */
  takes: { time: Millis; disk: Bytes }
}

const MEASURED_CORES = 2
/** More than these hardly make it shorter: the last programs to be linked wait for each other. */
const MOST_CORES = 8

const BUILDS: Record<ReleasedPart, Build> = {
  pulumi: {
    programs: [ENGINE, HOST],
    compilers: async () => ({}),
    builtFor: async () => [],
    takes: { time: minutes(6), disk: 3.2 * GiB },
  },
  ollama: {
    programs: [
      {
        module: join(MODULES, 'ollama'),
        packages: ['github.com/ollama/ollama'],
        tags: [],
        ldflags: [
          `-X github.com/ollama/ollama/version.Version=${PINS.ollama.version}`,
          '-X github.com/ollama/ollama/server.mode=release',
        ],
      },
    ],
    compilers: ollamaCompilers,
    builtFor: vectorExtensions,
    takes: { time: minutes(5), disk: 0.8 * GiB },
  },
}

/** Builds a part from package registries, where nothing else can be reached. Ollama comes without GPU support. */
export function fromSource(part: ReleasedPart): Installer {
  const { binary, title, version } = PINS[part]
  const { programs, compilers, builtFor, takes } = BUILDS[part]
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
      const name = [part, version, 'source', ...(await builtFor())].join('-')
      const folder = join(options.cache, 'tools', name)
      await finishedFolder(folder, what, task, async draft => {
        const bin = join(draft, 'bin')
        await mkdir(bin)
        const time = takes.time * (MEASURED_CORES / Math.min(availableParallelism(), MOST_CORES))
        const cost = `about ${formatAbout(time)} and ${formatBytes(takes.disk)} of disk`
        task.note?.(`building ${what} from source, once: ${cost}`)
        task.expect?.(time)
        const stages = new Stages(task, STAGES_OF_A_BUILD * programs.length)
        const environment = await compilers(options, task)
        for (const program of programs) {
          await buildPrograms({ ...program, environment }, bin, draft, what, options.env, stages)
        }
      })
      const bin = join(folder, 'bin')
      return { version, command: [join(bin, binary)], binFolders: [bin] }
    },
  }
}
