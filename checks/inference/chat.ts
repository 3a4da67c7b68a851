import type { Message } from 'ollama'
import type { DeployedModel } from '../../infra/outputs.ts'
import { type Millis, minutes } from '../../infra/units.ts'
import type { Call } from '../transport/connection.ts'
import type { OllamaServer } from './ollama-server.ts'

/** A long answer of a large model on a slow machine, after loading it. */
const DEADLINE: Millis = minutes(10)

export type { Message }

export interface ChatOptions {
  /** Tokens of the answer at most, thinking among them. */
  maxTokens?: number
  signal?: AbortSignal | undefined
  deadline?: Millis
}

export interface ChatAnswer {
  content: string
  /** What the model thought before it answered; empty for one that does not think. */
  thinking: string
  /** Tokens made, thinking among them. */
  tokens: number
  /** Why it ended: `stop`, or `length` when it ran into `maxTokens`. */
  ended: string
}

/** A piece of an answer as it is made. */
export type ChatPart = Pick<ChatAnswer, 'content' | 'thinking'>

/** The answer as a whole. @throws ServerError */
export async function chat(
  server: OllamaServer,
  model: DeployedModel,
  messages: Message[],
  options: ChatOptions = {},
): Promise<ChatAnswer> {
  const answer = await server.call(toCall(options), client =>
    client.chat({ ...toRequest(model, messages, options), stream: false }),
  )
  return {
    content: answer.message.content,
    thinking: answer.message.thinking ?? '',
    tokens: answer.eval_count,
    ended: answer.done_reason,
  }
}

/**
 * The answer piece by piece. Leaving the loop early, or the signal, ends the request.
 * @throws ServerError; `faulty` when the stream ends before the answer does
 */
export async function* chatStream(
  server: OllamaServer,
  model: DeployedModel,
  messages: Message[],
  options: ChatOptions = {},
): AsyncGenerator<ChatPart, void> {
  const call = toCall(options)
  const open = server.open(call)
  try {
    const request = toRequest(model, messages, options)
    const stream = await open.client.chat({ ...request, stream: true })
    for await (const part of stream) {
      yield { content: part.message.content, thinking: part.message.thinking ?? '' }
    }
  } catch (error) {
    throw server.explain(error, call)
  } finally {
    open.end()
  }
}

/** A chat changes nothing on the server, so it may be sent again until the first byte of its answer is here. */
const toCall = (options: ChatOptions): Call => ({
  deadline: options.deadline ?? DEADLINE,
  signal: options.signal,
  repeatable: true,
})

function toRequest(model: DeployedModel, messages: Message[], { maxTokens }: ChatOptions) {
  // Nothing else is set: the context is pinned in the model that serves, and another would reload it.
  return {
    model: model.serves,
    messages,
    ...(maxTokens === undefined ? {} : { options: { num_predict: maxTokens } }),
  }
}
