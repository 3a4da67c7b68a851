import { describe, expect, it } from 'vitest'
import {
  asDeployed,
  type Layout,
  layoutOf,
  layoutToDeploy,
} from '../../../infra/ownership/data-layout.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { refusalOf } from '../../support/servers/refusal.ts'

const settings = parseSettings('dev', { shards: 12, instances: 3 })
const MINILM = {
  embeddingModel: 'all-minilm:latest',
  dimensions: 384,
  documentPrefix: '',
  queryPrefix: '',
}

describe('the layout of data that is there', () => {
  it('may be anything where there is none yet', () => {
    expect(layoutToDeploy(settings, [undefined])).toEqual({ layout: layoutOf(settings) })
  })

  it('may stay what it is', () => {
    const known = [{ shards: 12, instances: 3 }, layoutOf(settings)]
    expect(layoutToDeploy(settings, known)).toEqual({ layout: layoutOf(settings) })
  })

  it.each([
    [{ shards: 10, instances: 3 }, 'shards is 12, and the data stays laid out for 10'],
    [
      { ...MINILM, shards: 12, instances: 3 },
      'embeddingModel is nomic-embed-text:latest, and the data stays embedded by all-minilm:latest',
    ],
    [{ shards: 12, instances: 1 }, 'instances is 3, and the data stays laid out for 1'],
    [
      { shards: 10, instances: 1 },
      'shards is 12, and the data stays laid out for 10; knowledge-stack:instances is 3',
    ],
  ])('stays as it is until it is moved, whatever is set: %j', (recorded, told) => {
    const { layout, pending } = layoutToDeploy(settings, [undefined, recorded])
    expect(layout).toEqual({ ...layoutOf(settings), ...recorded })
    expect(pending).toContain(told)
    expect(pending).toContain('npm run reshard -- --stack dev')
    expect(asDeployed(settings, layout).chroma).toMatchObject({
      shards: recorded.shards,
      instances: 3,
    })
  })

  it('has the model that it was made with deployed before the one that is set, until it is moved', () => {
    const deployed = asDeployed(settings, { ...layoutOf(settings), ...MINILM })
    const names = deployed.models.map(({ definition }) => definition.name)
    expect(names).toEqual(['all-minilm:latest', 'nomic-embed-text:latest', 'gpt-oss:20b'])
    expect(layoutOf(deployed)).toMatchObject(MINILM)
    expect(asDeployed(deployed, layoutOf(deployed))).toEqual(deployed)
    expect(asDeployed(settings, layoutOf(settings))).toEqual(settings)
  })

  it.each([
    [
      { shards: 10, leftShards: 12, instances: 3 },
      /shards is 12, .* laid out for 10/,
      'set back knowledge-stack:shards 10, or move the data: npm run reshard -- --stack dev --shards 12',
    ],
    [{ shards: 12, instances: 4 }, /instances is 3, .* laid out for 4/, '--instances 3'],
    [{ instances: 1, leftInstances: 3 }, /instances is 3, .* laid out for 1/, 'instances 1'],
    [
      { ...MINILM, leftEmbeddingModel: 'nomic-embed-text:latest' },
      /^knowledge-stack:embeddingModel is "nomic-embed-text:latest", .* laid out for "all-minilm:latest"$/,
      '--embedding-model nomic-embed-text:latest',
    ],
    [
      { ...MINILM, embeddingModel: 'gone:latest', queryPrefix: 'ask: ' },
      /embedded by gone:latest, which the settings do not define/,
      'knowledge-stack:models, with {"dimensions":384,"prefixes.document":"","prefixes.query":"ask: "}',
    ],
    [
      { ...MINILM, dimensions: 300 },
      /by all-minilm:latest, .* define otherwise/,
      '"dimensions":300',
    ],
    [
      { embeddingModel: 'nomic-embed-text:latest', documentPrefix: '' },
      /models nomic-embed-text:latest.prefixes.document is "search_document: "/,
      'prefixes.document ""',
    ],
  ] satisfies [Partial<Layout>, RegExp, string][])(
    'is not left by settings that are old, would miss a server or do not know its model: %j',
    (recorded, message, mend) => {
      const refusal = refusalOf(() => layoutToDeploy(settings, [undefined, recorded]))
      expect(refusal.exitCode).toBe(2)
      expect(refusal.message).toMatch(message)
      expect(refusal.mend).toContain(mend)
    },
  )

  it('is what the newest record says: one of before a move says nothing any more', () => {
    const newest = { ...layoutOf(settings, 2), shards: 7 }
    const { layout } = layoutToDeploy(settings, [
      { shards: 5 },
      newest,
      { generation: 1, shards: 9 },
    ])
    expect(layout).toEqual(newest)
  })
})
