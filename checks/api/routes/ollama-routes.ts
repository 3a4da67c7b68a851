import { performance } from 'node:perf_hooks'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { DeployedModel } from '../../../infra/outputs.ts'
import { roundMillis } from '../../../infra/units.ts'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { HttpError } from '../errors.ts'
import { ollamaHealth } from '../health/ollama-health.ts'
import { CHAT_WORK } from '../traffic/limits.ts'
import { responsesOf } from '../traffic/response-size.ts'
import { serveHealth } from './health-route.ts'

const MAX_TEXT = 8192
const MAX_TOKENS = 512

const EmbeddingTest = z
  .strictObject({
    text: z.string().min(1).max(MAX_TEXT).default('The store keeps creators apart.'),
  })
  .prefault({})
const EmbeddingTested = z.object({
  model: z.string(),
  dimensions: z.int(),
  millis: z.number(),
  embedding: z.array(z.number()),
})

const ChatTest = z
  .strictObject({
    message: z.string().min(1).max(MAX_TEXT).default('Say hello in one word.'),
    maxTokens: z.int().min(1).max(MAX_TOKENS).default(64),
  })
  .prefault({})
const ChatTested = z.object({
  model: z.string(),
  content: z.string(),
  thinking: z.string(),
  tokens: z.int(),
  ended: z.string().describe('`stop`, or `length` when it ran into maxTokens'),
  millis: z.number(),
})

/** How the Ollama servers are, and a try of each kind of model with a text of the caller's. */
export const ollama: FastifyPluginAsyncZod<{
  deployment: ConnectedDeployment
  probe: ConnectedDeployment
}> = async (api, { deployment: { inference }, probe }) => {
  const described = {
    operationId: 'ollamaHealth',
    summary: 'Whether the Ollama servers answer and have their models',
  }
  serveHealth(api, described, () => ollamaHealth(probe))

  api.post(
    '/test-embedding',
    {
      config: { lane: 'model', access: 'service', openOnLoopback: 'always' },
      schema: {
        operationId: 'testEmbedding',
        summary: 'Embed a text',
        tags: ['models'],
        body: EmbeddingTest,
        response: responsesOf('The embedding', EmbeddingTested, 401, 403, 413, 415),
      },
    },
    async ({ body: { text }, life }) => {
      const started = performance.now()
      const [embedding = []] = await inference.embed([text], { signal: life })
      const model = inference.model('embedding').name
      return {
        model,
        dimensions: embedding.length,
        millis: roundMillis(performance.now() - started),
        embedding,
      }
    },
  )

  api.post(
    '/test-chat',
    {
      config: { lane: 'model', work: CHAT_WORK, access: 'service', openOnLoopback: 'always' },
      schema: {
        operationId: 'testChat',
        summary: 'Send a message to the chat model',
        tags: ['models'],
        body: ChatTest,
        response: responsesOf('What it said', ChatTested, 401, 403, 413, 415),
      },
    },
    async ({ body: { message, maxTokens }, life }) => {
      const model = inference.model('chat')
      requireFit(model, message, maxTokens)
      const started = performance.now()
      const answer = await inference.chat([{ role: 'user', content: message }], {
        maxTokens,
        signal: life,
      })
      return { model: model.name, ...answer, millis: roundMillis(performance.now() - started) }
    },
  )
}

/**
 * Ollama cuts a chat that is longer than the model's context without a word. A token is a byte at least, so what
 * has no more bytes than there are tokens fits for sure.
 */
function requireFit({ name, contextLength }: DeployedModel, message: string, maxTokens: number) {
  if (contextLength === undefined) return
  const bytes = Buffer.byteLength(message)
  if (bytes + maxTokens <= contextLength) return
  throw new HttpError(
    400,
    'invalid',
    `The message has ${bytes} bytes; with an answer of ${maxTokens} tokens, ${contextLength - maxTokens} are sure to fit into the context of ${name}`,
  )
}
