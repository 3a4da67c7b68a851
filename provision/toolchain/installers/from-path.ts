import { dirname } from 'node:path'
import { Failure } from '../../../infra/failure.ts'
import type { Installer } from '../installer.ts'
import { PINS, type ToolName, versionProblem } from '../pinned-tools.ts'
import { probeVersion } from '../probe.ts'
import { findCommand } from '../run-command.ts'

/** What the engine starts to run the program; vendor's installers put it beside the engine. */
export const LANGUAGE_HOST = 'pulumi-language-nodejs'

/** Takes a part that the user has installed, when its version will do. */
export function onPath(part: ToolName): Installer {
  const { binary } = PINS[part]
  return {
    name: 'path',
    origin: 'path',
    how: 'found on PATH',
    async install(options, task) {
      const { env } = options
      const found = await findCommand(binary, env)
      if (found === undefined) throw new Failure('unavailable', `${binary} is not on PATH`)
      const version = await probeVersion(part, [found], env, task)
      const problem = versionProblem(part, version, options)
      if (problem !== undefined) throw new Failure('unavailable', `${found} ${problem}`)
      const binFolders = part === 'pulumi' ? await foldersOfPulumi(found, env) : [dirname(found)]
      return { version, command: [found], binFolders }
    },
  }
}

async function foldersOfPulumi(found: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const folder = dirname(found)
  const beside = { ...env, PATH: `${folder}:${env.PATH}` }
  const host = await findCommand(LANGUAGE_HOST, beside)
  if (host === undefined) {
    throw new Failure('unavailable', `${found} has no ${LANGUAGE_HOST} beside it or on PATH`)
  }
  return [...new Set([folder, dirname(host)])]
}
