import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredRecord } from '../../../checks/chroma/chroma-records.ts'
import { ContentDigests } from '../../../checks/reshard/content-digests.ts'
import { parseCreatorId } from '../../../checks/store/creator-id.ts'
import { recordId } from '../../../checks/store/records/record-id.ts'

const record = (creator: string, chunk: number, text = 'a text'): StoredRecord => ({
  id: recordId(parseCreatorId(creator), 'notes', { sequence: 1, tag: 'a', count: 4 }, chunk),
  metadata: { topic: 'a', creator_id: creator },
  text,
  vector: undefined,
})

const digestsOf = (records: readonly StoredRecord[]) => {
  const digests = new ContentDigests()
  digests.add(records)
  return digests
}

describe('what stands for the content of creators', () => {
  it('is the same in whichever order and in however many parts it is read, whatever the order of its metadata', () => {
    const records = ['ada', 'bob'].flatMap(creator => [0, 1, 2, 3].map(at => record(creator, at)))
    const turned = (metadata: object) => Object.fromEntries(Object.entries(metadata).reverse())
    fc.assert(
      fc.property(
        fc.shuffledSubarray(records, { minLength: records.length }),
        fc.nat(8),
        (all, cut) => {
          const digests = digestsOf(all.slice(0, cut))
          digests.add(all.slice(cut).map(each => ({ ...each, metadata: turned(each.metadata!) })))
          const wanted = digestsOf(records)
          return ['ada', 'bob'].every(
            creator => digests.of(creator).digest === wanted.of(creator).digest,
          )
        },
      ),
    )
  })

  it.each<[string, StoredRecord[]]>([
    ['a text', [record('ada', 0, 'another'), record('ada', 1)]],
    ['the metadata', [{ ...record('ada', 0), metadata: { topic: 'b' } }, record('ada', 1)]],
    ['an id', [record('ada', 2), record('ada', 1)]],
    ['the number of records', [record('ada', 0)]],
  ])('is another one where %s is', (_, records) => {
    const before = digestsOf([record('ada', 0), record('ada', 1)])
    expect(digestsOf(records).of('ada').digest).not.toBe(before.of('ada').digest)
  })

  it('is of each creator alone', () => {
    const both = digestsOf([record('ada', 0), record('bob', 0)])
    expect(both.of('ada')).toEqual(digestsOf([record('ada', 0)]).of('ada'))
    expect(both.of('nobody')).toEqual({ records: 0, digest: 0n })
  })
})
