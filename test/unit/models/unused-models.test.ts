import { describe, expect, it } from 'vitest'
import { findUnused } from '../../../provision/models/unused-models.ts'

const MB = 1_000_000
const stored = (...names: string[]) => names.map(name => ({ name, size: 100 * MB }))
const wanted = (name: string, context: number) => ({ name, serves: `${name}-ctx${context}` })

describe('a model in the store of an Ollama', () => {
  it('is unused when the stack asks for another one', () => {
    const found = findUnused(stored('old:1b', 'old:1b-ctx4096', 'new:1b', 'new:1b-ctx4096'), [
      wanted('new:1b', 4096),
    ])
    expect(found).toEqual({
      unused: stored('old:1b', 'old:1b-ctx4096'),
      foreign: [],
      freed: 100 * MB,
    })
  })

  it('is used while what is deployed asks for it, whatever is to come', () => {
    const both = [wanted('old:1b', 4096), wanted('new:1b', 4096)]
    expect(findUnused(stored('old:1b', 'old:1b-ctx4096'), both).unused).toEqual([])
  })

  it('stays with another context, where only the one before goes and no weights are free', () => {
    const found = findUnused(stored('a:1b', 'a:1b-ctx2048', 'a:1b-ctx4096'), [wanted('a:1b', 4096)])
    expect(found).toEqual({ unused: stored('a:1b-ctx2048'), foreign: [], freed: 0 })
  })

  it('is left when somebody else put it there', () => {
    const found = findUnused(stored('mine:7b', 'a:1b', 'a:1b-ctx4096'), [wanted('a:1b', 4096)])
    expect(found).toEqual({ unused: [], foreign: ['mine:7b'], freed: 0 })
  })

  it('still tells whose it is when a prune was killed half way', () => {
    const all = stored('a:1b', 'a:1b-ctx2048', 'b:1b', 'b:1b-ctx2048')
    const { unused } = findUnused(all, [])
    for (let done = 0; done < unused.length; done += 1) {
      const gone = new Set(unused.slice(0, done).map(({ name }) => name))
      const rest = all.filter(({ name }) => !gone.has(name))
      expect(findUnused(rest, [])).toMatchObject({ unused: unused.slice(done), foreign: [] })
    }
  })
})
