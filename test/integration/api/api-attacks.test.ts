import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { STORED } from '../../support/api/stored.ts'
import { POOLED, startAttackedApi } from '../../support/attacks/attacked-api.ts'
import { ATTACKS } from '../../support/attacks/attacks.ts'

/** Of each attack. The bench goes on for longer, and measures. */
const ATTACK_MS = 1000
/** What a health answer may take. */
const HEALTH_MS = 5000

describe('an API that is attacked', () => {
  let world: Awaited<ReturnType<typeof startAttackedApi>>
  beforeAll(async () => {
    world = await startAttackedApi()
    await world.undisturbed(1000)
  })
  afterAll(() => world?.stop())

  it.each(ATTACKS)('answers others while there are $name', async attack => {
    const { calls, before, after } = await world.attacked(attack, ATTACK_MS)
    expect(calls.filter(({ status }) => !STORED.includes(status))).toEqual([])
    const health = calls.filter(({ kind }) => kind === 'health').map(({ millis }) => millis)
    expect(Math.max(...health)).toBeLessThan(HEALTH_MS)
    expect(after).toMatchObject({ requests: 0, bytes: 0, connections: 0 })
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + POOLED)
  })
})
