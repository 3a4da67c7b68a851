import { CollectionInfo, TENANT } from '../../../checks/chroma/chroma-server.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { shardSettings } from '../../../checks/store/shards/shard-metadata.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { collectionOf, databaseOf, firstShardMap } from '../../../infra/shards.ts'
import { seconds } from '../../../infra/units.ts'
import type { Defect, Made } from '../defect.ts'
import type { World } from '../world.ts'

const GENERATION = 2

/** Real collections that were made otherwise than the deployment says. */
export const COLLECTIONS: Defect[] = [
  {
    defect: 'l2 in place of cosine',
    done: 'a shard was made with the space l2',
    caughtBy: ['shard-settings'],
    says: /knowledge_shard_0: the index space is "l2" and should be "cosine"/,
    make: world => withCollection(world, 'l2', 768),
  },
  {
    defect: 'vectors of a wrong dimension in a shard',
    done: 'the first vector written to a shard had 384 numbers, not 768',
    caughtBy: ['shard-settings'],
    says: /knowledge_shard_0: the index's dimension is 384 and should be 768/,
    make: world => withCollection(world, 'cosine', 384),
  },
  {
    defect: "another shard count than the data's",
    done: 'the data has 10 shards, the deployment says 12',
    caughtBy: ['shard-settings'],
    says: /shard_count is 10 and should be 12/,
    make: ({ outputs }) => ({
      outputs: {
        ...outputs,
        chroma: { ...outputs.chroma, shards: 12, shardMap: firstShardMap(12, 1) },
      },
    }),
  },
]

/** A generation of its own, with one shard whose description of itself is right. */
async function withCollection(
  { outputs, real }: World,
  space: string,
  dimension: number,
): Promise<Made> {
  const chroma: Outputs['chroma'] = { ...outputs.chroma, generation: GENERATION }
  const database = databaseOf(GENERATION)
  const [server] = real.chroma
  const { metadata } = shardSettings(chroma, real.inference.model('embedding'))
  await server!.ensureDatabase(database)
  const { id } = await server!.connection.json(
    `/api/v2/tenants/${TENANT}/databases/${database}/collections`,
    CollectionInfo.pick({ id: true }),
    {
      method: 'POST',
      body: { name: collectionOf(0), metadata, configuration: { hnsw: { space } } },
      deadline: seconds(10),
      repeatable: false,
    },
  )
  const probe = { id: 'first', text: 'first', metadata: {}, vector: vectorFor('first', dimension) }
  await server!.records(database, id).upsert([probe])
  return { outputs: { ...outputs, chroma }, mend: () => server!.deleteDatabase(database) }
}
