import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fold, textTable } from '../../../checks/text-table.ts'

const HEAD = ['Model', 'Context', 'Reserved']
const ROWS = [
  ['registry.example/team/all-minilm:latest', '512', '126 MiB'],
  ['smollm2:135m', '4096', '1.1 GiB + 12.0 GiB GPU'],
]
const widest = (text: string) => Math.max(...text.split('\n').map(line => line.length))

describe('a table in text', () => {
  it('has each cell on one line where there is room, and no spaces at the ends of lines', () => {
    expect(textTable(HEAD, ROWS, Infinity).split('\n')).toEqual([
      'Model                                    Context  Reserved',
      'registry.example/team/all-minilm:latest  512      126 MiB',
      'smollm2:135m                             4096     1.1 GiB + 12.0 GiB GPU',
    ])
  })

  it('folds its widest columns where the terminal is narrower, between words and after signs', () => {
    expect(textTable(HEAD, ROWS, 50).split('\n')).toEqual([
      'Model               Context  Reserved',
      'registry.example/   512      126 MiB',
      'team/all-minilm:',
      'latest',
      'smollm2:135m        4096     1.1 GiB + 12.0 GiB',
      '                             GPU',
    ])
  })

  it.each([30, 40, 60, 80])('is no wider than a terminal of %i columns', width => {
    expect(widest(textTable(HEAD, ROWS, width))).toBeLessThanOrEqual(width)
    expect(textTable(HEAD, ROWS, width)).not.toContain('…')
  })

  it('counts no colours', () => {
    const coloured = textTable(['', 'b'], [['\u001b[32m✔\u001b[39m', 'x']], 80)
    expect(coloured.split('\n')[1]).toBe('\u001b[32m✔\u001b[39m  x')
  })
})

it('folds a text into lines that are short enough, and loses nothing but spaces', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', ' ', ':', '/', '-', '\n') })
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 20 }), (text, width) => {
      const folded = fold(text, width)
      expect(widest(folded)).toBeLessThanOrEqual(width)
      expect(folded.replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''))
    }),
  )
})
