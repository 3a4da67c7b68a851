import { Failure } from '../../infra/failure.ts'
import { PROJECT } from '../../infra/project.ts'
import { comparisonRecordOf } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { changeJsonRecord, readJsonIfSound } from '../json-record.ts'
import type { Task } from '../progress.ts'
import {
  Comparison,
  comparisonTexts,
  describeComparison,
  LEAST_COSINE,
  leastAlike,
} from './compare-embeddings.ts'
import { embedAfter, embedBefore } from './embed-by-version.ts'
import { type EngineSwitch, engineSwitchOf } from './engine-switch.ts'

/**
 * Requires, before an Ollama that runs models in another way is put under a stack with data, that it gives the vectors
 * that the data was stored with: a hundred texts are embedded by both versions, one after the other.
 * @returns what was found, now or before; undefined where nothing was to be compared
 * @throws Failure `refused` when the vectors differ; `unavailable` when they cannot be compared
 */
export async function requireSameEmbeddings(
  settings: Settings,
  task: Task,
): Promise<Comparison | undefined> {
  const change = await engineSwitchOf(settings)
  if (change === undefined) return undefined
  const model = embeddingModelOf(settings).definition.name
  const file = comparisonRecordOf(settings.home)
  const known = await readJsonIfSound(file, Comparison)
  // Going back is the same comparison.
  const versions = known && [known.from, known.to]
  const isKnown =
    known?.model === model && Object.values(change).every(of => versions?.includes(of))
  if (isKnown && known.least >= LEAST_COSINE) return known
  if (settings.target !== 'local') throw notHere(settings, change)

  const texts = comparisonTexts()
  const before = await embedBefore(settings, change.from, texts, task).catch(
    notCompared(
      change,
      `start the stack with ${change.from} first (${PROJECT}:ollamaVersion), and name ${change.to} then`,
    ),
  )
  const after = await embedAfter(settings, texts, task).catch(
    notCompared(change, `stay with what runs: ${PROJECT}:ollamaVersion ${change.from}`),
  )
  return keepComparison(settings, { ...change, model, ...leastAlike(texts, before, after) })
}

/**
 * Writes down what a comparison found.
 * @throws Failure `refused` when the vectors differ
 */
export async function keepComparison(settings: Settings, found: Comparison): Promise<Comparison> {
  await changeJsonRecord(comparisonRecordOf(settings.home), Comparison, () => found)
  if (found.least >= LEAST_COSINE) return found
  throw new Failure(
    'refused',
    `${describeComparison(found)}; at least ${LEAST_COSINE} is needed for questions to find what was stored`,
    {
      mend: `stay with it: ${PROJECT}:ollamaVersion ${found.from}; or deploy a stack of another name with ${found.to}, and put the documents into that one`,
    },
  )
}

const embeddingModelOf = ({ models }: Settings) =>
  models.find(({ definition }) => definition.role === 'embedding')!

/** Nothing was changed yet: who wants to know what to do is told that first. */
const notCompared =
  ({ from, to }: EngineSwitch, mend: string) =>
  (error: unknown) => {
    if (!(error instanceof Failure) || error.kind === 'interrupted') throw error
    throw new Failure(
      'unavailable',
      `Nothing was changed: the embeddings of Ollama ${from} and ${to} could not be compared: ${error.message}`,
      { mend: error.mend === undefined ? mend : `${mend}; or ${error.mend}`, cause: error },
    )
  }

function notHere({ stack, target }: Settings, { from, to }: EngineSwitch): Failure {
  const again = stack === 'dev' ? '' : ` --stack ${stack}`
  return new Failure(
    'unavailable',
    `Stack ${stack} has data embedded by Ollama ${from}, and ${to} runs models in another way: whether its vectors are the same has to be seen before, and on the target ${target} the two cannot run side by side`,
    {
      mend: `start an Ollama ${to} anywhere that has the embedding model, and: npm run models --${again} --compare http://HOST:11434; or stay: ${PROJECT}:ollamaVersion ${from}`,
    },
  )
}
