import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fleet, startFleet } from '../../support/cluster/fleet/fleet.ts'
import { everyKind, KINDS } from '../../support/kubernetes/every-kind.ts'
import { type ProgramStack, programStack } from '../../support/kubernetes/kubernetes-stack.ts'
import behaviour from '../../support/kubernetes-provider/behaviour.json' with { type: 'json' }

const REPLACING: Record<string, readonly string[]> = behaviour.replaces
const ROUNDS = Math.max(...Object.values(KINDS).map(({ others }) => Object.keys(others).length))

describe('the provider that the tests have, by what the official one was seen to do', () => {
  let fleet: Fleet
  let deployed: ProgramStack

  beforeAll(async () => {
    fleet = await startFleet([])
    deployed = await programStack(fleet.kubeconfig, everyKind())
    await deployed.stack.up()
  })
  afterAll(async () => {
    await fleet?.stop()
    await deployed?.forget()
  })

  it('reads all that it made back as it was given', async () => {
    await deployed.stack.preview({ expectNoChanges: true, refresh: true })
  })

  it('replaces an object for a change of the very fields that were seen to', async () => {
    const seen: Record<string, boolean> = {}
    for (let round = 0; round < ROUNDS; round++) {
      const changed = Object.fromEntries(
        Object.entries(KINDS).flatMap(([kind, { others }]) => {
          const path = Object.keys(others)[round]
          return path === undefined ? [] : [[kind, path]]
        }),
      )
      deployed.become(everyKind(changed))
      const ops = await previewedOps(deployed)
      for (const [kind, path] of Object.entries(changed)) {
        const found = ops.get(kind.slice(kind.lastIndexOf('/') + 1)) ?? []
        expect([kind, path, found]).not.toEqual([kind, path, []])
        seen[`${kind} ${path}`] = found.some(op => op.includes('replace'))
      }
    }
    const expected = Object.keys(seen).map(tried => {
      const [kind = '', path = ''] = tried.split(' ')
      const fields = REPLACING[kind] ?? []
      return [tried, fields.some(field => path === field || path.startsWith(`${field}.`))]
    })
    expect(seen).toEqual(Object.fromEntries(expected))
  })
})

/** What a preview would do to each resource, by its name. */
async function previewedOps({ stack }: ProgramStack): Promise<Map<string, string[]>> {
  const ops = new Map<string, string[]>()
  await stack.preview({
    onEvent: ({ resourcePreEvent }) => {
      if (resourcePreEvent === undefined) return
      const { op, urn } = resourcePreEvent.metadata
      const name = urn.slice(urn.lastIndexOf('::') + 2)
      if (op !== 'same') ops.set(name, [...(ops.get(name) ?? []), op])
    },
  })
  return ops
}
