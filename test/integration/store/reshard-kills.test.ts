import { beforeAll, describe, expect, it } from 'vitest'
import { MOVER_PHASES } from '../../support/reshard/mover-phases.ts'
import { type ReshardKills, runReshardKills } from '../../support/reshard/reshard-kills.ts'
import { SEED } from '../../support/searches.ts'

/** `npm run bench -- reshard-kills` kills two hundred. */
const KILLS = 8
const PAUSES = [1500]

describe('movers that are killed while two processes write', () => {
  let result: ReshardKills
  beforeAll(async () => {
    result = await runReshardKills(SEED, KILLS, PAUSES)
  }, 240_000)

  it('are hit in the middle of what they do', () => {
    const hits = MOVER_PHASES.map(phase => result.hits[phase].before + result.hits[phase].after)
    expect(hits.filter(count => count > 0).length).toBeGreaterThan(4)
    expect(result.acknowledged).toBeGreaterThan(100)
  })

  it('leave each document as it was acknowledged, once, and nothing where it was', () => {
    expect(result.faults).toEqual([])
  })
})
