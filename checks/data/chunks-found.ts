import {
  type Check,
  type CheckContext,
  failed,
  ofPart,
  passed,
  skipped,
  together,
} from '../check.ts'
import { isMissed } from '../damage/missed.ts'
import {
  examineShard,
  type NotFound,
  type ShardDamage,
  sampleShard,
} from '../damage/shard-damage.ts'
import { MOST_RANKED } from '../store/query/nearest.ts'

/** Records of each shard whose vectors are looked at, unless all are. */
const SAMPLE = 50
/**
 * Chroma's index finds some chunks not even by their own vector, by chance; and where Chroma was killed while it saved the
 * index, vectors are lost, or the whole shard cannot be read.
 */
export default {
  name: 'chunks-found',
  proves: 'Every record has its vector, and questions find those that the index does not',
  after: ['chroma-answers', 'shard-settings'],
  async run(context) {
    const { shards } = context.scratch.live
    const findings = []
    let records = 0
    for (const [shard, { id, name }] of await shards.existing(context.signal)) {
      const server = shards.server(shard)
      const damage = await look(context, server.records(shards.database, id))
      const place = `${name} on ${server.connection.label}`
      records += damage.records
      findings.push(ofPart([place, name], whatIsWrong(context, damage, place)))
    }
    if (findings.length === 0) return skipped('no records yet')
    const sound = findings.every(({ verdict }) => verdict === 'passed')
    if (!sound) return together(findings)
    const looked = context.deep ? `all ${records} records` : `some of ${records} records`
    const notes = findings.flatMap(({ notes = [] }) => notes)
    return passed(`${looked} looked for in ${findings.length} shards`, notes)
  },
} satisfies Check

type Records = Parameters<typeof sampleShard>[0]

const look = ({ deep, scratch, signal }: CheckContext, records: Records): Promise<ShardDamage> =>
  deep
    ? examineShard(records, scratch.live.shards.settings.dimension, signal)
    : sampleShard(records, SAMPLE, signal)

function whatIsWrong(
  { deployment }: CheckContext,
  { records, unreadable, lost, notFound }: ShardDamage,
  place: string,
) {
  const stack = `--stack ${deployment.outputs.stack}`
  const mend = `mend it from the stored texts: npm run doctor -- --fix ${stack}`
  if (unreadable !== undefined) {
    return failed(`${place} cannot be read, since its index cannot be loaded`, mend)
  }
  if (lost.length > 0) {
    return failed(`${place}: of ${records} records ${lost.length} have lost their vectors`, mend)
  }
  const count = (some: readonly NotFound[]) => some.reduce((sum, { ids }) => sum + ids.length, 0)
  const all = `${place}: the index does not find ${count(notFound)} of ${records} records`
  const many = notFound.filter(isMissed)
  if (many.length > 0) {
    return failed(
      `${all}, ${count(many)} of them of ${many.length} creators of whom questions miss them`,
      mend,
    )
  }
  if (notFound.length === 0) return passed(`${place}: the index finds all`)
  const ranked = count(notFound.filter(({ chunks }) => chunks > MOST_RANKED))
  return passed(`${place}: found`, [
    `${all}, as happens by chance: ${ranked} are of creators with more than ${MOST_RANKED} chunks, for whom they are ranked beside it, the rest is ranked without an index`,
  ])
}
