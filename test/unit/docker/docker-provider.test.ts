import { describe, expect, it } from 'vitest'
import { REPLACED_WITH } from '../../../infra/docker/container-limits.ts'
import { argumentsOf, BEHAVIOUR } from '../../support/docker-provider/behaviour.ts'
import { DockerProvider } from '../../support/docker-provider/provider.ts'

const CONTAINER = 'docker:index/container:Container'
const urnOf = (type: string) => `urn:pulumi:dev::knowledge-stack::${type}::dev-chroma-0`
const provider = new DockerProvider()
const diff = async (olds: object, news: object) => provider.diff('id', urnOf(CONTAINER), olds, news)

describe.each(Object.entries(BEHAVIOUR.resources))('what was seen of %s', (_, seen) => {
  it('has each argument once, and says nothing of any other', () => {
    const all = argumentsOf(seen)
    expect(all).toEqual([...new Set(all)])
    const { unordered, defaults, readBack, refused } = seen
    for (const key of [...unordered, ...Object.keys({ ...defaults, ...readBack, ...refused })]) {
      expect(all).toContain(key)
    }
  })
})

describe('what stands in for the Docker provider', () => {
  it('tells a replacement, an update and no change apart as the official one was seen to', async () => {
    expect(await diff({ image: 'a' }, { image: 'b' })).toEqual({
      changes: true,
      replaces: ['image'],
    })
    expect(await diff({ memory: 1 }, { memory: 2 })).toEqual({ changes: true, replaces: [] })
    const envs = ['A=1', 'B=2']
    expect((await diff({ envs }, { envs: envs.toReversed() })).changes).toBe(false)
  })

  it('replaces what was made and did not come up', async () => {
    expect((await diff({ image: 'a', __failed: true }, { image: 'a' })).replaces).not.toEqual([])
  })

  it('names what it gives for the program, and refuses what was never seen', async () => {
    const check = (news: object) => provider.check(urnOf(CONTAINER), {}, news)
    const { inputs, failures } = await check({ image: 'a', restart: 'always' })
    expect(failures).toEqual([])
    expect(inputs).toMatchObject({ restart: 'always', mustRun: true, name: expect.any(String) })
    expect((await check({ image: 'a', gpus: 'all' })).failures).toMatchObject([
      { property: 'gpus' },
    ])
  })
})

it('the program replaces a container by what the official provider would only note of it', () => {
  expect(REPLACED_WITH.toSorted()).toEqual(BEHAVIOUR.resources[CONTAINER]!.noted.toSorted())
})
