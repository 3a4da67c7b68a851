import { type Check, failed, passed, unchecked } from '../check.ts'
import { embed } from '../inference/embed.ts'
import { askEach } from '../models/ask-model.ts'
import { norm } from '../probe/vectors.ts'

const TEXT = 'A lighthouse keeper writes down the weather every evening.'
/** Rounding to 32 bits over a few thousand parts stays far below this. */
const TOLERANCE = 1e-3

export default {
  name: 'embedding-vectors',
  proves: 'Embeddings have the dimension that the deployment says, are finite and of length 1',
  after: ['ollama-answers', 'models-present'],
  run: context =>
    askEach(context, 'embedding', async (model, { server, ...asking }) => {
      // The dimension is left out, so that a wrong one is found here and told as such.
      const { dimensions, ...any } = model
      const [vector = []] = await embed(server, any, [TEXT], asking)
      if (dimensions !== undefined && vector.length !== dimensions) {
        return failed(
          `${model.name} gives ${vector.length} dimensions; the deployment says ${dimensions}`,
          'correct the dimensions of the model where it is defined, and deploy again: npm run up',
        )
      }
      const length = norm(vector)
      if (Math.abs(length - 1) > TOLERANCE) {
        return failed(`${model.name} gives a vector of length ${length.toFixed(3)}, not 1`)
      }
      return dimensions === undefined
        ? unchecked(
            `${model.name} gives ${vector.length} dimensions; nobody said how many it should`,
          )
        : passed(`${model.name} gives ${vector.length} dimensions of length 1`)
    }),
} satisfies Check
