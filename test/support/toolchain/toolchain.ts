import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import type { WantedVersions } from '../../../provision/toolchain/pinned-tools.ts'
import { obtainTool, type Tool, type ToolName } from '../../../provision/toolchain/toolchain.ts'
import { namedOllama } from './test-ollama.ts'

/**
 * The real Pulumi, Ollama and Chroma, come by the last way, which works wherever the tests do: from package
 * registries. They are made when the cache lacks them, which takes minutes and happens in the global set-up. The
 * environment may name another Ollama.
 */
export async function realTools(
  report: (text: string) => void = () => {},
): Promise<Record<ToolName, Tool>> {
  const task = { report, signal: new AbortController().signal }
  const options = lastWay()
  return {
    pulumi: await obtainTool('pulumi', options, task),
    ollama: (await namedOllama()) ?? (await obtainTool('ollama', options, task)),
    chroma: await obtainTool('chroma', options, task),
  }
}

/** The real Chroma of another version, come by the same way. */
export const realChroma = (version: string): Promise<Tool> =>
  obtainTool('chroma', lastWay({ chroma: version }), {
    report() {},
    signal: new AbortController().signal,
  })

const lastWay = (versions: WantedVersions = {}) => ({
  ...toolchainOptions(process.env, versions),
  offlineBuild: true,
})
