import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredRecord } from '../../../checks/chroma/chroma-records.ts'
import { CopiedContent } from '../../../checks/reshard/copied-content.ts'
import { creatorKey, parseCreatorId } from '../../../checks/store/creator-id.ts'
import { recordId } from '../../../checks/store/records/record-id.ts'

const record = (creator: string, chunk: number, text = 'a text'): StoredRecord => ({
  id: recordId(parseCreatorId(creator), 'notes', { sequence: 1, tag: 'a', count: 4 }, chunk),
  metadata: { topic: 'a', creator_id: creator },
  text,
  vector: undefined,
})

const CREATORS = ['ada', 'bob'].map(parseCreatorId)
const RECORDS = CREATORS.flatMap(creator => [0, 1, 2, 3].map(at => record(creator, at)))

/** What is known once some records were read, of whom four each were listed. */
const contentOf = (read: readonly StoredRecord[]) => {
  const listed = CREATORS.map(creator => ({ creator, key: creatorKey(creator), records: 4 }))
  const content = new CopiedContent(listed)
  content.read(read)
  return content
}

const foundOf = (content: CopiedContent) => CREATORS.filter(creator => content.isFound(creator))

describe('what was copied of creators', () => {
  it('is found in whichever order and in however many parts it is read, whatever the order of its metadata', () => {
    const turned = (metadata: object) => Object.fromEntries(Object.entries(metadata).reverse())
    const shuffled = fc.shuffledSubarray(RECORDS, { minLength: RECORDS.length })
    fc.assert(
      fc.property(shuffled, shuffled, fc.nat(8), (read, found, cut) => {
        const content = contentOf(read)
        content.found(found.slice(0, cut))
        content.found(found.slice(cut).map(each => ({ ...each, metadata: turned(each.metadata!) })))
        return foundOf(content).length === CREATORS.length
      }),
    )
  })

  it('is not found before it was looked for', () => {
    expect(foundOf(contentOf(RECORDS))).toEqual([])
    expect(foundOf(contentOf([]))).toEqual([])
  })

  const [first, ...others] = RECORDS
  it.each<[string, StoredRecord[]]>([
    ['a text is another', [record('ada', 0, 'another'), ...others]],
    ['metadata are others', [{ ...first!, metadata: { topic: 'b' } }, ...others]],
    ['a record is another', [record('ada', 4), ...others]],
    ['a record is missing', others],
    ['there is one more', [...RECORDS, record('ada', 4)]],
    ['one is there twice', [...RECORDS, first!]],
  ])('is not found of who has it otherwise, and of others it is: %s', (_, found) => {
    const content = contentOf(RECORDS)
    content.found(found)
    expect(foundOf(content)).toEqual(['bob'])
  })

  it('is not found of who had more when the creators were listed than was read', () => {
    const content = contentOf(others)
    content.found(others)
    expect(foundOf(content)).toEqual(['bob'])
  })

  it('has what was found of others in it only where those were listed', () => {
    const content = contentOf(RECORDS)
    content.found([...RECORDS, record('carol', 0)])
    expect(foundOf(content)).toEqual(CREATORS)
    expect(content.isFound(parseCreatorId('carol'))).toBe(false)
  })

  it('tells the creators in the order of their keys', () => {
    const keys = contentOf([])
      .creators()
      .map(({ key }) => key)
    expect(keys).toEqual(CREATORS.map(creatorKey).sort())
  })
})
