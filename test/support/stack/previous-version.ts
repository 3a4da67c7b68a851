import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { minutes } from '../../../infra/units.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'

/** The last version that gave nothing an owner. */
const COMMIT = 'd1e54e4b58f13b67275d55785944d396dcf17d2a'

export interface PreviousVersion {
  /** Folder of the project as it was: for TestStack.project. */
  folder: string
  remove(): Promise<void>
}

/** Lays the version before this one out of the repository, with the packages that it was made with. */
export async function previousVersion(): Promise<PreviousVersion> {
  const folder = await mkdtemp(join(tmpdir(), 'knowledge-stack-previous-'))
  const archive = join(folder, 'previous.tar')
  // Modes as a checkout has them: Docker takes a file of another mode for another file, and installs packages anew.
  await run(PROJECT_ROOT, 'git', '-c', 'tar.umask=0022', 'archive', '-o', archive, COMMIT).catch(
    async cause => {
      await rm(folder, { recursive: true })
      throw new Error(
        `Commit ${COMMIT}, the version before this one, is not in this clone: git fetch --unshallow`,
        { cause },
      )
    },
  )
  await run(folder, 'tar', '-xf', archive)
  await rm(archive)
  await providePackages(folder)
  return { folder, remove: () => rm(folder, { recursive: true }) }
}

/** The packages of this version where they are the same; else that version's own, from the registry. */
async function providePackages(folder: string): Promise<void> {
  const [own, previous] = await Promise.all(
    [PROJECT_ROOT, folder].map(root => readFile(join(root, 'package-lock.json'), 'utf8')),
  )
  if (own === previous) {
    await symlink(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'))
  } else {
    // As its bootstrap does it.
    await run(folder, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
  }
}

const run = (cwd: string, ...argv: string[]) =>
  runCommand(argv, { cwd, env: process.env, signal: AbortSignal.timeout(minutes(5)) })
