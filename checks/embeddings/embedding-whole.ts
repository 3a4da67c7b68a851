import type { DeployedModel } from '../../infra/outputs.ts'
import { type Check, type Finding, failed, passed } from '../check.ts'
import { SMALLEST_CONTEXT } from '../connected-deployment.ts'
import { embed } from '../inference/embed.ts'
import { type Asking, askEach } from '../models/ask-model.ts'
import { similarity } from '../probe/vectors.ts'
import { chunkLength } from '../store/records/chunk.ts'
import { ServerError } from '../transport/server-error.ts'

/** Two computations of one text differ in the last digits only. */
const SAME = 0.99999

/**
 * A text that is cut off unseen is stored with a vector that knows nothing of its end. So two texts are compared
 * that differ at the end only: as long as the store's chunks get, and longer than the model takes.
 */
export default {
  name: 'embedding-whole',
  proves: 'A text is embedded to its end, and one that is longer than the model takes is refused',
  after: ['ollama-answers', 'models-present'],
  run: context => askEach(context, 'embedding', ask),
} satisfies Check

async function ask(model: DeployedModel, { server, ...asking }: Asking): Promise<Finding> {
  const { contextLength = SMALLEST_CONTEXT, prefixes } = model
  const ask = (texts: string[]) => embed(server, model, texts, asking)
  const longest = chunkLength(contextLength, prefixes?.document ?? '')
  if (areSame(await ask(twoEndings(longest)))) {
    return failed(
      `${model.name} gives texts of ${longest} characters that end otherwise one vector`,
    )
  }
  // A word is a token at least, so that the last quarter begins behind the end of the context.
  const [first, second] = twoEndings(1.5 * contextLength * (LONGEST_WORD + 1)) as [string, string]
  try {
    const begun = await ask([first])
    if (!areSame([...begun, ...(await ask([second]))])) {
      return passed(`${model.name} takes in whole what it takes`)
    }
  } catch (error) {
    if (!(error instanceof ServerError && error.reason === 'rejected')) throw error
    return passed(
      `${model.name} takes in whole what it takes, and refuses what is longer than ${contextLength} tokens`,
    )
  }
  return failed(
    `${model.name} passes the beginning of a text off as the whole: it takes ${contextLength} tokens and did not refuse more`,
    'send `truncate: false` through to Ollama: look at what stands in front of it',
  )
}

/** Of what has no direction nothing can be told: then it is no embedding of its text. */
const areSame = ([one, other]: number[][]): boolean => !(similarity(one!, other!) < SAME)

const BEGINNING = ['rain', 'fills', 'the', 'dry', 'lake', 'at', 'last']
const ENDINGS = [
  ['we', 'bake', 'bread', 'at', 'dawn'],
  ['moons', 'orbit', 'a', 'young', 'star'],
]
const LONGEST_WORD = 5

/** Two texts of up to so many characters that are the same but for the last quarter. */
const twoEndings = (length: number): string[] =>
  ENDINGS.map(ending => `${fill(BEGINNING, (3 * length) / 4)} ${fill(ending, length / 4 - 1)}`)

function fill(words: readonly string[], length: number): string {
  const sentence = words.join(' ')
  const times = Math.ceil(length / (sentence.length + 1))
  return Array.from({ length: times }, () => sentence)
    .join(' ')
    .slice(0, length)
}
