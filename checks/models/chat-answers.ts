import type { DeployedModel } from '../../infra/outputs.ts'
import { formatDuration, type Millis, seconds } from '../../infra/units.ts'
import { type Check, type Finding, failed, passed } from '../check.ts'
import { chatStream } from '../inference/chat.ts'
import { type Asking, askEach } from './ask-model.ts'

const MESSAGES = [{ role: 'user', content: 'Say hello in one word.' }]
/**
 * Few. A model that thinks before it answers, and cannot be told not to, does not get to the answer with so
 * few, but its thinking shows that it works.
 */
const MAX_TOKENS = 16
/** A part of a stream is about a token; a server that sends many more does not heed what it was asked for. */
const MAX_PARTS = 4 * MAX_TOKENS
/** Between two parts. A model that began to answer is loaded, and makes a token in less. */
const PATIENCE: Millis = seconds(15)

export default {
  name: 'chat-answers',
  proves: 'Every chat model answers, with a stream that ends',
  after: ['ollama-answers', 'models-present'],
  run: context => askEach(context, 'chat', ask),
} satisfies Check

async function ask(model: DeployedModel, { server, signal, deadline }: Asking): Promise<Finding> {
  const silence = new AbortController()
  const either = AbortSignal.any([signal, silence.signal])
  let timer: NodeJS.Timeout | undefined
  let made = ''
  let parts = 0
  try {
    const options = { maxTokens: MAX_TOKENS, signal: either, deadline }
    for await (const part of chatStream(server, model, MESSAGES, options)) {
      made += part.content + part.thinking
      parts += 1
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), PATIENCE)
      if (parts > MAX_PARTS) {
        return failed(
          `${model.name} does not end its answer: ${parts} parts for the ${MAX_TOKENS} tokens asked for`,
        )
      }
    }
  } catch (error) {
    if (!silence.signal.aborted) throw error
    return failed(
      `${model.name} falls silent in the middle of its answer: nothing came for ${formatDuration(PATIENCE)}`,
    )
  } finally {
    clearTimeout(timer)
  }
  return made.trim() === ''
    ? failed(`${model.name} gave an empty answer`)
    : passed(`${model.name} answers, in ${parts} parts`)
}
