import { randomUUID } from 'node:crypto'
import { ByteWriter } from 'hyparquet-writer'
import { Failure } from '../../infra/failure.ts'
import type { CreatorId } from '../store/creator-id.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { archivedRow } from './archived-row.ts'
import { ParquetFile } from './parquet-file.ts'
import { readLargeCreator } from './read-creators.ts'

/** Rows that are encoded at once: whoever asks something else of the same process waits as long. */
const ROW_GROUP = 200

/**
 * What a creator has as one Parquet file, with the columns of an archive, in pieces as it is read. Documents are whole,
 * those that are written meanwhile too.
 * @throws Failure `unavailable`, also half-way, when the creator is moved to another layout meanwhile
 */
export async function* exportCreator(
  knowledge: Knowledge,
  creator: CreatorId,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { generations } = knowledge
  const generation = await generations.locate(creator, signal)
  const bytes = new ByteWriter()
  const file = new ParquetFile(bytes, randomUUID(), ROW_GROUP)
  const shard = generation.shards.of(creator)
  for await (const records of readLargeCreator(generation, shard, creator, signal)) {
    await file.write(records.map(archivedRow))
    yield taken(bytes)
  }
  // What was there may be gone from where it was read.
  if ((await generations.locate(creator, signal)) !== generation) throw hasMoved(creator)
  await file.close()
  yield taken(bytes)
}

/** What was written since, which the writer need not keep. */
function taken(bytes: ByteWriter): Uint8Array {
  const some = bytes.getBytes().slice()
  bytes.index = 0
  return some
}

const hasMoved = (creator: string): Failure =>
  new Failure('unavailable', `The creator ${JSON.stringify(creator)} was moved meanwhile`, {
    mend: 'ask again',
  })
