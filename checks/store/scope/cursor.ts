import { Failure } from '../../../infra/failure.ts'
import type { CreatorId } from '../creator-id.ts'
import { documentKeyOf, isSame } from '../records/current-versions.ts'
import { type ChunkName, chunkOf } from '../records/record-id.ts'

/** Says where the page after the one goes on that ended with a record of this id. */
export const cursorAfter = (id: string): string => Buffer.from(id).toString('base64url')

/**
 * The chunk that a page ended with.
 * @throws Failure `misused` for what no page of this creator's gave
 */
export function parseCursor(cursor: string, creator: CreatorId): ChunkName {
  const name = chunkOf(Buffer.from(cursor, 'base64url').toString())
  if (name?.creator === creator) return name
  throw new Failure(
    'misused',
    `The cursor ${JSON.stringify(cursor)} is of no page of this creator's`,
    { mend: 'give the next of the page before, or none for the first page' },
  )
}

/**
 * In the order of pages: documents by their ids.
 * @param ids documents in any order, their chunks by position
 */
export const inPageOrder = (ids: readonly string[]): string[] =>
  [...Map.groupBy(ids, id => documentKeyOf(id)!)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, own]) => own)

/**
 * Where the page after a cursor begins, whatever came and went since: documents that stay are met once.
 * @param ids in the order of pages
 * @throws DocumentChanged when more of the cursor's document is to come, and it is another than it was
 */
export function startAfter(ids: readonly string[], last: ChunkName): number {
  const start = ids.findIndex(id => {
    const { document, chunk } = chunkOf(id)!
    return document > last.document || (document === last.document && chunk > last.chunk)
  })
  if (start < 0) return ids.length
  const next = chunkOf(ids[start]!)!
  if (next.document === last.document && !isSame(next.version, last.version)) {
    throw new DocumentChanged(last.document)
  }
  return start
}

/** A document that was put in anew between two of its pages. */
export class DocumentChanged extends Failure {
  constructor(document: string) {
    super('misused', `The document ${JSON.stringify(document)} was put in anew while it was read`, {
      mend: 'read it from its first page',
    })
  }
}
