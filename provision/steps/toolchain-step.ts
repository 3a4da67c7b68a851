import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Flag } from '../commands/command.ts'
import { toolchainOptions } from '../toolchain/options.ts'
import { obtainTool, type Tool, type ToolName } from '../toolchain/toolchain.ts'
import type { Steps } from './steps.ts'

export interface ToolchainFlags {
  offlineBuild?: boolean
}

export const TOOLCHAIN_FLAGS: Flag[] = [
  {
    flags: '--offline-build',
    description:
      'obtain every tool the last way: from package registries, built from source where need be',
  },
]

export type Toolchain = Record<ToolName, Tool>

/** Finds or obtains every tool, a step each, and leaves word for the provider, which runs in a process of its own. */
export async function obtainToolchain(
  { offlineBuild }: ToolchainFlags,
  steps: Steps,
  parts: ToolName[],
  settings?: Settings,
): Promise<Toolchain> {
  if (offlineBuild) process.env.KNOWLEDGE_STACK_OFFLINE_BUILD = '1'
  const options = toolchainOptions(process.env, {
    chroma: settings?.chroma.version,
    ollama: settings?.ollama.version,
  })
  const tools: Partial<Toolchain> = {}
  for (const part of parts) {
    tools[part] = await steps.run(
      part,
      task => obtainTool(part, options, task),
      ({ version, origin, why, untold }) => {
        const reason = steps.isVerbose ? why : untold
        return `${version} from ${origin}${reason === undefined ? '' : ` (${reason})`}`
      },
    )
  }
  return tools as Toolchain
}
