import { MIN_SHARDS, shardOf } from '../../../infra/shards.ts'

/** As few as a deployment can have. */
export const SHARDS = MIN_SHARDS

/** What a creator's documents are like. */
export interface CreatorPlan {
  creator: string
  documents: readonly string[]
  /** Chunks that a document may have: one of them is drawn for each version. */
  counts: readonly number[]
  /** Whether all of its chunks come with one query. */
  isSmall: boolean
}

/** A creator of this beginning whose shard is this one. */
function inShard(shard: number, name: string): string {
  for (let tried = 0; ; tried += 1) {
    const creator = `${name}-${tried}-of-${shard}`
    if (shardOf(creator, SHARDS) === shard) return creator
  }
}

const DOCUMENTS = ['one', 'two', 'three']

/** With all three documents at their longest it has fewer chunks than one query asks for. */
const small = (shard: number, name: string): CreatorPlan => ({
  creator: inShard(shard, name),
  documents: DOCUMENTS,
  counts: [1, 2, 7, 18, 30],
  isSmall: true,
})

const large = (shard: number, name: string): CreatorPlan => ({
  creator: inShard(shard, name),
  documents: DOCUMENTS,
  counts: [40, 120, 300, 420, 640],
  isSmall: false,
})

/** Two shards: in one, three creators share what Chroma keeps for it. */
export const ANN = small(0, 'ann')
export const BEN = small(0, 'ben')
export const LEA = large(0, 'lea')
export const CLEO = small(1, 'cleo')
export const LARS = large(1, 'lars')
export const CREATORS = [ANN, BEN, CLEO, LEA, LARS]

/** Never written again, so that the large have more chunks than are ranked, whatever happens to the others. */
export const STANDING = { document: 'standing', count: 150 }
export const documentsOf = ({ isSmall, documents }: CreatorPlan): readonly string[] =>
  isSmall ? documents : [...documents, STANDING.document]
