import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Steps } from '../steps/steps.ts'
import { describeComparison } from './compare-embeddings.ts'
import { engineSwitchOf } from './engine-switch.ts'

/**
 * The step of a command that puts another Ollama under a stack; none where it runs models as before, or has no data.
 * What it needs is loaded only then.
 * @throws Failure as requireSameEmbeddings does
 */
export async function compareStep(settings: Settings, steps: Steps): Promise<void> {
  if ((await engineSwitchOf(settings)) === undefined) return
  const { requireSameEmbeddings } = await import('./require-same-embeddings.ts')
  await steps.run(
    'embeddings',
    task => requireSameEmbeddings(settings, task),
    found => (found === undefined ? 'nothing to compare' : describeComparison(found)),
  )
}
