import type { DeployedModel } from '../../infra/outputs.ts'
import { type Check, failed, passed } from '../check.ts'
import { embed } from '../inference/embed.ts'
import { askEach } from '../models/ask-model.ts'
import { similarity } from '../probe/vectors.ts'

/** A question, a text that answers it, and one that has nothing to do with it. */
const TRIPLES = [
  [
    'How do I keep my sourdough starter alive?',
    'Feed the sourdough starter with flour and water every day.',
    'The central bank raised its interest rate by a quarter point.',
  ],
  [
    'Which lens is good for portraits?',
    'For portrait photography a lens of 85 millimetres flatters the face.',
    'Tomatoes want a sunny spot and regular watering.',
  ],
] as const

export default {
  name: 'embedding-meaning',
  proves: 'A question is nearer to the text that answers it than to an unrelated one',
  after: ['ollama-answers', 'models-present'],
  run: context =>
    askEach(context, 'embedding', async (model, { server, ...asking }) => {
      const vectors = await embed(
        server,
        model,
        TRIPLES.flatMap(triple => withPrefixes(model, triple)),
        asking,
      )
      const margins = TRIPLES.map((_, index) => {
        const [question, answer, other] = vectors.slice(index * 3, index * 3 + 3)
        return similarity(question!, answer!) - similarity(question!, other!)
      })
      const least = Math.min(...margins)
      return least > 0
        ? passed(`${model.name} holds alike texts nearer by ${least.toFixed(2)} at least`)
        : failed(`${model.name} holds an unrelated text nearer than the answer to a question`)
    }),
} satisfies Check

function withPrefixes(model: DeployedModel, [question, ...texts]: readonly string[]): string[] {
  const { query = '', document = '' } = model.prefixes ?? {}
  return [query + question, ...texts.map(text => document + text)]
}
