import { beforeAll, describe, expect, it } from 'vitest'
import { ACTIONS } from '../../support/kills/incidents.ts'
import { type KillResult, runKills } from '../../support/kills/kill-run.ts'
import { PHASES } from '../../support/kills/phases.ts'
import { SEED } from '../../support/searches.ts'

/** `npm run bench -- kills` lets each combination of phase, moment and action happen twice. */
const INCIDENTS = 12
const PAUSES = [2000]

describe('two APIs and a bulk load that are killed, stopped and left in the middle of what they do', () => {
  let result: KillResult

  beforeAll(async () => {
    result = await runKills(SEED, INCIDENTS, PAUSES)
  })

  it('are hit in every phase of a write and of a read, and in every way', () => {
    expect(new Set(result.happened.map(({ phase }) => phase))).toEqual(new Set(PHASES))
    expect(new Set(result.happened.map(({ action }) => action))).toEqual(new Set(ACTIONS))
    expect(result.happened.length).toBe(INCIDENTS)
  })

  it('show each document in one version, whole, and lose nothing that was acknowledged', () => {
    expect(result.answers).toBeGreaterThan(200)
    expect(result.faults.slice(0, 5)).toEqual([])
    expect(result.found.missed).toBe(0)
  })

  it('leave nothing of what was overwritten or deleted once a document is written again', () => {
    expect(result.leftOver).toBe(0)
  })
})
