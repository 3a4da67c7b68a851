import { join } from 'node:path'
import type { Program } from '../../infra/local/local-servers.ts'
import { PROJECT_ROOT, PROJECT_VERSION } from '../../infra/project.ts'
import { apiArguments } from '../../infra/servers/api-program.ts'
import { watchdogScript } from '../../infra/servers/chroma-watchdog.ts'
import { UNRECORDED_CHROMA } from '../../infra/settings/chroma-version.ts'
import type { Task } from '../progress.ts'
import { toolchainOptions } from '../toolchain/options.ts'
import { obtainTool, type Tool } from '../toolchain/toolchain.ts'

const API_MAIN = join(PROJECT_ROOT, 'checks', 'api', 'main.ts')

/** What runs a program, and its version: of the toolchain, or the project's own. */
export async function runnable(
  { program, toolVersion }: { program: Program; toolVersion?: string },
  task: Task,
): Promise<Pick<Tool, 'command' | 'version'>> {
  if (program !== 'api') {
    const tool = await obtainTool(
      program,
      toolchainOptions(process.env, { [program]: toolVersion }),
      task,
    )
    return program === 'chroma' ? { ...tool, command: watched(tool.command, toolVersion) } : tool
  }
  return { command: [process.execPath, ...apiArguments(API_MAIN)], version: PROJECT_VERSION }
}

/**
 * Under the watchdog of its disk, which is given the folder of its data with the process's environment. As a text: a
 * shell may read on in its script's file, and the project's may be another by then.
 */
const watched = (command: string[], version = UNRECORDED_CHROMA): string[] => [
  '/bin/sh',
  '-c',
  `set -- "$KNOWLEDGE_CHROMA_DATA" "$@"\nKNOWLEDGE_CHROMA_SERVER=${version}\n${watchdogScript()}`,
  'chroma-watchdog',
  ...command,
]
