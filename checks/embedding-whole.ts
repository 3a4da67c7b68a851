import type { DeployedModel } from '../infra/outputs.ts'
import { type Asking, askEach } from './ask.ts'
import { type Check, type Finding, failed, passed } from './check.ts'
import { SMALLEST_CONTEXT } from './deployment.ts'
import { embed } from './inference/embed.ts'
import { chunkLength } from './knowledge/chunk.ts'
import { similarity } from './probe/vectors.ts'
import { ServerError } from './transport/server-error.ts'

/** Two computations of one text differ in the last digits only. */
const SAME = 0.99999

/**
 * A text that is cut off unseen is stored with a vector that knows nothing of its end. So two texts are compared
 * that differ at the end only: as long as the store's chunks get, and longer than the model takes.
 */
export default {
  name: 'embedding-whole',
  proves: 'A text is embedded to its end, and one that is longer than the model takes is refused',
  after: ['ollama-answers', 'models-present', 'embedding-vectors'],
  run: context => askEach(context, 'embedding', ask),
} satisfies Check

async function ask(model: DeployedModel, { server, ...asking }: Asking): Promise<Finding> {
  const { contextLength = SMALLEST_CONTEXT, prefixes } = model
  const endsCount = async (length: number) => {
    const vectors = await embed(server, model, twoEndings(length), asking)
    return similarity(vectors[0]!, vectors[1]!) < SAME
  }
  const longest = chunkLength(contextLength, prefixes?.document ?? '')
  if (!(await endsCount(longest))) {
    return failed(
      `${model.name} gives texts of ${longest} characters that end otherwise one vector`,
    )
  }
  // A word is a token at least, so that the last quarter begins behind the end of the context.
  const tooLong = 2 * contextLength * (LONGEST_WORD + 1)
  try {
    if (await endsCount(tooLong)) return passed(`${model.name} takes in whole what it takes`)
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

const BEGINNING = ['rivers', 'carry', 'sand', 'to', 'the', 'sea']
const ENDINGS = [
  ['bakers', 'sell', 'bread', 'at', 'dawn'],
  ['planets', 'orbit', 'a', 'young', 'star'],
]
const LONGEST_WORD = Math.max(...[...BEGINNING, ...ENDINGS.flat()].map(word => word.length))

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
