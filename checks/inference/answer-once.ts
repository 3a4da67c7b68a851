import { Failure } from '../../infra/failure.ts'
import type { DeployedModel } from '../../infra/outputs.ts'
import { chat } from './chat.ts'
import { embed } from './embed.ts'
import type { Inference } from './inference.ts'

/** Few: that it answers is asked, not what. */
const TOKENS = 8

/**
 * Asks a model for one answer.
 * @throws ServerError; Failure `unavailable` when a chat model says nothing
 */
export async function answerOnce(
  inference: Inference,
  model: DeployedModel,
  signal: AbortSignal,
): Promise<void> {
  const server = inference.server(model)
  if (model.role === 'embedding') {
    // It checks length and numbers of the vector itself.
    await embed(server, model, ['ready'], { signal })
    return
  }
  const hello = [{ role: 'user', content: 'Say hello.' }]
  const answer = await chat(server, model, hello, { maxTokens: TOKENS, signal })
  if (answer.tokens === 0) {
    throw new Failure('unavailable', `${model.name} is loaded, but says nothing`)
  }
}
