import { type Check, failed, passed } from '../check.ts'
import { embed } from '../inference/embed.ts'
import { askEach } from '../models/ask-model.ts'
import { similarity } from '../probe/vectors.ts'

const TEXTS = [
  'The bakery opens at six and sells out by nine.',
  'Copper conducts electricity better than iron does.',
  'She tuned the old piano before the children came in.',
  'Rivers carry sand to the sea, and the sea brings it back.',
]
/** A batch is computed in another order than a text alone, so the last digits differ. */
const SAME = 0.999
const DISTINCT = 0.98

export default {
  name: 'embedding-repeatable',
  proves: 'One text always gives one vector, other texts give others, and a batch keeps its order',
  after: ['ollama-answers', 'models-present'],
  run: context =>
    askEach(context, 'embedding', async (model, { server, ...asking }) => {
      const batch = await embed(server, model, TEXTS, asking)
      for (const [index, text] of TEXTS.entries()) {
        const [alone = []] = await embed(server, model, [text], asking)
        const likeness = batch.map(vector => similarity(vector, alone))
        const own = likeness[index]!
        if (!(own >= SAME)) {
          const elsewhere = likeness.some(value => value >= SAME)
          return failed(
            elsewhere
              ? `${model.name} gives the vectors of a batch in another order than its texts`
              : `${model.name} gives one text two vectors that are only ${own.toFixed(3)} alike`,
          )
        }
        if (likeness.some((value, other) => other !== index && value > DISTINCT)) {
          return failed(`${model.name} gives different texts the same vector`)
        }
      }
      return passed(`${model.name} gives ${TEXTS.length} texts their own vectors, twice the same`)
    }),
} satisfies Check
