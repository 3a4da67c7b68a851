import { describe, expect, it } from 'vitest'
import { shardOf } from '../../../infra/shards.ts'
import { textOf } from '../../support/kills/chunk-texts.ts'
import { ANNOUNCED_IN, type Operation, OperationPhases } from '../../support/kills/phases.ts'

const SHARD = 'knowledge_shard_0'
const where = { creator_id: { $eq: 'ann' } }
const mark = { ids: [`${shardOf('mark of ann', 4096)}`] }
const chunks = (from: number, to: number) => ({
  ids: [],
  documents: Array.from({ length: to - from }, (_, at) =>
    textOf({ version: 1, index: from + at, count: 6 }),
  ),
})

/** The phases of requests, each of which Chroma answers before the next. */
function phasesOf(
  operation: Pick<Operation, 'kind'> & Partial<Operation>,
  ...requests: [collection: string, operation: string, body: object][]
) {
  const phases = new OperationPhases()
  const usual = { creators: ['ann'], versions: new Set([1]), chunks: 6, hangUp: () => {} }
  phases.begin({ ...usual, ...operation })
  return requests.map(([collection, operation, body]) => {
    const passing = phases.of({ collection, operation, body })
    passing?.done()
    return passing?.phase
  })
}

describe('the phases that kill runs tell by the requests that go by', () => {
  it('are those of a put of several requests', () => {
    const all = phasesOf(
      { kind: 'put' },
      [SHARD, 'get', { where }],
      [ANNOUNCED_IN, 'upsert', mark],
      [SHARD, 'add', chunks(0, 2)],
      [SHARD, 'add', chunks(2, 4)],
      [SHARD, 'add', chunks(4, 6)],
      [ANNOUNCED_IN, 'upsert', mark],
      [SHARD, 'delete', { where, ids: [] }],
    )
    expect(all).toEqual([
      'look-up',
      'announcement, first',
      'write, first request',
      'write, middle request',
      'write, last request',
      'announcement, second',
      'clean-up',
    ])
  })

  it('are those of a put of one, of a delete and of reads', () => {
    expect(phasesOf({ kind: 'put' }, [SHARD, 'upsert', chunks(0, 6)])).toEqual([
      'write, only request',
    ])
    const removal: [string, string, object] = [SHARD, 'delete', { where }]
    expect(phasesOf({ kind: 'delete' }, removal, removal)).toEqual([
      'deletion, first request',
      'deletion, later request',
    ])
    const asked = { where }
    expect(phasesOf({ kind: 'read' }, [SHARD, 'get', asked], [SHARD, 'query', asked])).toEqual([
      'read of the table',
      'read of the index',
    ])
  })

  it('are none for other creators, and for what readers ask of write versions', () => {
    const other = { where: { creator_id: { $eq: 'ben' } } }
    expect(phasesOf({ kind: 'put' }, [SHARD, 'get', other])).toEqual([undefined])
    expect(phasesOf({ kind: 'read' }, [ANNOUNCED_IN, 'get', mark])).toEqual([undefined])
  })
})
