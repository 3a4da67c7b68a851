import { openDeployment } from '../../checks/connected-deployment.ts'
import { embed } from '../../checks/inference/embed.ts'
import { OllamaServer } from '../../checks/inference/ollama-server.ts'
import { Connection } from '../../checks/transport/connection.ts'
import { Failure } from '../../infra/failure.ts'
import type { Outputs } from '../../infra/outputs.ts'
import { PROJECT } from '../../infra/project.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Task } from '../progress.ts'
import { type Comparison, comparisonTexts, leastAlike } from './compare-embeddings.ts'
import { engineSwitchOf } from './engine-switch.ts'
import { keepComparison } from './require-same-embeddings.ts'

/**
 * Compares the vectors of a deployed stack's Ollama with those of one that runs elsewhere, of the version that the
 * settings ask for, and writes down what it finds.
 * @param url of the other one, which has the embedding model under its own name
 * @throws Failure `misused` when there is nothing to compare, or the other is of another version; `refused` when the
 *   vectors differ
 */
export async function compareWith(
  settings: Settings,
  outputs: Outputs,
  url: string,
  { report, signal }: Task,
): Promise<Comparison> {
  const change = await engineSwitchOf(settings)
  if (change === undefined) {
    throw new Failure(
      'misused',
      `Stack ${settings.stack} is to stay with an Ollama that runs models as ${settings.ollama.version} does: there is nothing to compare`,
      { mend: `first name the version that it is to get: ${PROJECT}:ollamaVersion` },
    )
  }
  const connection = new Connection('Ollama', url, { maxConnections: 2 })
  const deployment = await openDeployment(outputs)
  try {
    const other = new OllamaServer(connection)
    const version = await other.version(signal)
    if (version !== change.to) {
      throw new Failure(
        'misused',
        `The Ollama at ${url} is ${version}; stack ${settings.stack} is to get ${change.to}`,
        { mend: `compare with an Ollama ${change.to}, or set ${PROJECT}:ollamaVersion ${version}` },
      )
    }
    const texts = comparisonTexts()
    const model = deployment.inference.model('embedding')
    report(`embedding ${texts.length} texts by the stack's Ollama ${change.from}`)
    const before = await deployment.inference.embed(texts, { signal })
    report(`embedding ${texts.length} texts by the Ollama ${version} at ${url}`)
    const after = await embed(other, { ...model, serves: model.name }, texts, { signal })
    const found = { ...change, model: model.name, ...leastAlike(texts, before, after) }
    return await keepComparison(settings, found)
  } finally {
    await connection.close()
    await deployment.close()
  }
}
