import { describe, expect, it } from 'vitest'
import { checkDocuments, type NewDocument } from '../../../checks/store/records/document.ts'

describe('a document', () => {
  const nul = 'before\0after'

  it.each<[string, NewDocument]>([
    ['its text', { id: 'notes', text: nul }],
    ['one of its chunks', { id: 'notes', chunks: [{ text: nul, vector: [1] }] }],
    ['its metadata', { id: 'notes', text: 'x', metadata: { topic: nul } }],
  ])('is refused by name with U+0000 in %s', (_, document) => {
    expect(() => checkDocuments([{ id: 'other', text: 'x' }, document])).toThrow(
      /document "notes".*U\+0000/,
    )
  })
})
