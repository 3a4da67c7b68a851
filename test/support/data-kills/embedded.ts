import { vectorFor } from '../../../checks/probe/vectors.ts'
import { DIMENSION } from './written.ts'

/** A model that turns each text into a vector of its own, at once; undefined for what is asked of another server. */
export function embedded({ url, body }: { url: string; body: string }): Response | undefined {
  if (!url.endsWith('/api/embed')) return undefined
  const { model, input } = JSON.parse(body) as { model: string; input: string[] }
  return Response.json({
    embeddings: input.map(text => vectorFor(`${model} ${text}`, DIMENSION)),
    prompt_eval_count: input.length,
  })
}
