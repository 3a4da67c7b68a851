import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { minutes } from '../../../infra/units.ts'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'

/** The last version that gave nothing an owner. */
const COMMIT = 'd1e54e4b58f13b67275d55785944d396dcf17d2a'

/**
 * Lays the version before this one out of the repository, with the packages that it was made with. It stays in the
 * cache for all suites and runs.
 * @returns folder of the project as it was: for TestStack.project
 */
export async function previousVersion(): Promise<string> {
  const { cache } = toolchainOptions(process.env)
  const task = { report() {}, signal: AbortSignal.timeout(minutes(5)) }
  return finishedFolder(join(cache, 'previous', COMMIT), 'the version before', task, layOut)
}

async function layOut(folder: string): Promise<void> {
  const archive = join(folder, 'previous.tar')
  // Modes as a checkout has them: Docker takes a file of another mode for another file, and installs packages anew.
  await run(PROJECT_ROOT, 'git', '-c', 'tar.umask=0022', 'archive', '-o', archive, COMMIT).catch(
    cause => {
      throw new Error(
        `Commit ${COMMIT}, the version before this one, is not in this clone: git fetch --unshallow`,
        { cause },
      )
    },
  )
  await run(folder, 'tar', '-xf', archive)
  await rm(archive)
  // As its bootstrap does it.
  await run(folder, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
}

const run = (cwd: string, ...argv: string[]) =>
  runCommand(argv, { cwd, env: process.env, signal: AbortSignal.timeout(minutes(5)) })
