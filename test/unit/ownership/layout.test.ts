import { describe, expect, it } from 'vitest'
import { type Layout, layoutOf, requireLayout } from '../../../infra/ownership/data-layout.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { refusalOf } from '../../support/servers/refusal.ts'

const settings = parseSettings('dev', { shards: 12, instances: 3 })

describe('the layout of data that is there', () => {
  it('may be anything where there is none yet', () => {
    expect(() => requireLayout(settings, [undefined])).not.toThrow()
  })

  it('may stay what it is', () => {
    expect(() =>
      requireLayout(settings, [{ shards: 12, instances: 3 }, layoutOf(settings)]),
    ).not.toThrow()
  })

  it.each([
    [{ shards: 10, instances: 3 }, /shards is 12, .* laid out for 10/, 'shards 10'],
    [{ shards: 12, instances: 1 }, /instances is 3, .* laid out for 1/, 'instances 1'],
    [
      { embeddingModel: 'all-minilm:latest', dimensions: 384 },
      /^knowledge-stack:embeddingModel is "nomic-embed-text:latest", .* laid out for "all-minilm:latest"$/,
      'knowledge-stack:embeddingModel "all-minilm:latest"',
    ],
    [
      { embeddingModel: 'nomic-embed-text:latest', documentPrefix: '' },
      /models nomic-embed-text:latest.prefixes.document is "search_document: "/,
      'prefixes.document ""',
    ],
  ] satisfies [Partial<Layout>, RegExp, string][])(
    'is not changed by settings: %j',
    (recorded, message, mend) => {
      const refusal = refusalOf(() => requireLayout(settings, [undefined, recorded]))
      expect(refusal.exitCode).toBe(2)
      expect(refusal.message).toMatch(message)
      expect(refusal.mend).toContain(mend)
    },
  )

  it('is told of whole when both numbers are others', () => {
    const { message } = refusalOf(() => requireLayout(settings, [{ shards: 5, instances: 1 }]))
    expect(message.split('\n')).toHaveLength(2)
  })
})
