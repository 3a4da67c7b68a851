import { describe, expect, it } from 'vitest'
import { namesIn, stateOf } from '../../../infra/ownership/known-resources.ts'

const CONTAINER = 'docker:index/container:Container'

/** As `pulumi stack export` has resources, encrypted outputs among them. */
const EXPORTED = [
  { type: 'pulumi:pulumi:Stack', outputs: { chroma: { ciphertext: 'v1:xyz' } } },
  { type: 'pulumi:providers:docker', id: 'd2d6', outputs: {} },
  { type: 'knowledge:index:Owner', id: 'o', outputs: { owner: 'an-id' } },
  { type: 'knowledge:index:Process', id: 'p', outputs: { record: '/home/processes/api.json' } },
  { type: CONTAINER, id: 'c0ffee', outputs: { name: 'dev-api-1a2b' } },
  {
    type: 'kubernetes:apps/v1:StatefulSet',
    id: 'stack/chroma',
    outputs: { kind: 'StatefulSet', metadata: { name: 'chroma', uid: 'b5-e7' } },
  },
]

describe('the state of Pulumi', () => {
  it('tells whose the stack is, and by which names its things are known on their target', () => {
    const state = stateOf(EXPORTED)
    expect(state.owner).toBe('an-id')
    expect([...namesIn(state)]).toEqual(
      expect.arrayContaining([...['c0ffee', 'dev-api-1a2b', '/home/processes/api.json', 'b5-e7']]),
    )
    expect(namesIn(state)).not.toContain('d2d6')
  })

  it('tells the same where a program asks for it, which is not given the ids of resources', () => {
    const asked = EXPORTED.map(({ type, id, outputs }) => ({ type, outputs: { ...outputs, id } }))
    expect([...namesIn(stateOf(asked))].sort()).toEqual([...namesIn(stateOf(EXPORTED))].sort())
  })

  it('has nothing in it for a stack that was never deployed, or was before there were owners', () => {
    expect(stateOf([])).toEqual({ resources: [] })
    expect(stateOf([{ type: CONTAINER, id: 'c0ffee' }]).owner).toBeUndefined()
  })
})
