import { askEach } from './ask.ts'
import { type Check, failed, passed } from './check.ts'
import { chat } from './inference/chat.ts'

const QUESTION = 'Say hello in one word.'
/**
 * Few. A model that thinks before it answers, and cannot be told not to, does not get to the answer with so
 * few, but its thinking shows that it works.
 */
const MAX_TOKENS = 16

export default {
  name: 'chat-answers',
  proves: 'Every chat model answers',
  after: ['ollama-answers', 'models-present'],
  run: context =>
    askEach(context, 'chat', async (model, { server, ...asking }) => {
      const messages = [{ role: 'user', content: QUESTION }]
      const answer = await chat(server, model, messages, { ...asking, maxTokens: MAX_TOKENS })
      const made = `${answer.content}${answer.thinking}`.trim()
      return made === ''
        ? failed(`${model.name} gave an empty answer`)
        : passed(`${model.name} answers, with ${answer.tokens} tokens`)
    }),
} satisfies Check
