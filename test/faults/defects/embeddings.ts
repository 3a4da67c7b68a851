import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import type { Defect } from '../defect.ts'
import { on, rewritten } from '../rewrite.ts'

const EMBED = /^\/api\/embed$/
type Vectors = (number | null)[][]

/** Embeddings that are no good. */
export const EMBEDDINGS: Defect[] = [
  {
    defect: 'embeddings of a wrong dimension',
    done: 'the model gives 768 numbers, the deployment says 384',
    caughtBy: [
      'embedding-vectors',
      'embedding-repeatable',
      'embedding-meaning',
      'embedding-whole',
      'shard-settings',
    ],
    says: /gives 768 dimensions; the deployment says 384/,
    make: ({ outputs }) => ({
      outputs: {
        ...outputs,
        models: outputs.models.map(model =>
          model.role === 'embedding' ? { ...model, dimensions: 384 } : model,
        ) as Outputs['models'],
      },
    }),
  },
  bad(
    'NaN in embeddings',
    'one number of each vector is null, as JSON writes NaN',
    ['embedding-vectors', 'embedding-repeatable', 'embedding-meaning', 'embedding-whole'],
    /a vector with something else than finite numbers in it/,
    vectors => vectors.map(([, ...rest]) => [null, ...rest]),
  ),
  bad(
    'embeddings of zeros',
    'every number is 0',
    ['embedding-vectors', 'embedding-repeatable', 'embedding-meaning', 'embedding-whole'],
    /a vector of length 0\.000, not 1/,
    vectors => vectors.map(vector => vector.map(() => 0)),
  ),
  bad(
    'one embedding for every text',
    'every text gets the same vector of length 1',
    ['embedding-repeatable', 'embedding-meaning', 'embedding-whole'],
    /gives different texts the same vector/,
    vectors => vectors.map(() => vectorFor('constant', 768)),
  ),
  bad(
    'embeddings that are not normalised',
    'every number is three times what it was',
    ['embedding-vectors'],
    /a vector of length 3\.000, not 1/,
    vectors => vectors.map(vector => vector.map(part => 3 * part!)),
  ),
  bad(
    'the vectors of a batch in another order than its texts',
    'they are given from last to first',
    ['embedding-repeatable'],
    /gives the vectors of a batch in another order than its texts/,
    vectors => vectors.toReversed(),
  ),
  bad(
    'embeddings that mean nothing',
    'every text gets a vector of its own that has nothing to do with it',
    ['embedding-meaning'],
    /holds an unrelated text nearer than the answer to a question/,
    (_, texts) => texts.map(text => vectorFor(`meaningless ${text}`, 768)),
  ),
  {
    defect: 'a truncated input passed off as whole',
    done: '`truncate: false` is turned into `true` on its way to Ollama',
    caughtBy: ['embedding-whole'],
    says: /passes the beginning of a text off as the whole/,
    make({ ollama }) {
      ollama.fault = on(EMBED, ({ forward, body }) => forward({ ...body, truncate: true }))
      return {}
    },
  },
  {
    defect: 'inputs cut off far below the context',
    done: 'texts are cut to 200 characters on their way to Ollama',
    caughtBy: ['embedding-whole'],
    says: /gives texts of \d+ characters that end otherwise one vector/,
    make({ ollama }) {
      ollama.fault = on(EMBED, ({ forward, body }) =>
        forward({ ...body, input: body.input.map((text: string) => text.slice(0, 200)) }),
      )
      return {}
    },
  },
]

function bad(
  defect: string,
  done: string,
  caughtBy: Defect['caughtBy'],
  says: RegExp,
  change: (vectors: number[][], texts: string[]) => Vectors,
): Defect {
  return {
    defect,
    done,
    caughtBy,
    says,
    make({ ollama }) {
      ollama.fault = on(EMBED, exchange =>
        rewritten<{ embeddings: number[][] }>(exchange, answer => ({
          ...answer,
          embeddings: change(answer.embeddings, exchange.body.input),
        })),
      )
      return {}
    },
  }
}
