import { beforeAll, describe, expect, it } from 'vitest'
import { type DataKills, runDataKills } from '../../support/data-kills/data-kills.ts'
import { SEED } from '../../support/searches.ts'

/** `npm run bench -- data-kills` kills more than two hundred. */
const KILLS = 20
const PAUSES = [1500]

describe('commands on data that are killed while two processes write', () => {
  let result: DataKills
  beforeAll(async () => {
    result = await runDataKills(SEED, KILLS, PAUSES)
  })

  it('are hit in the middle of what they do', () => {
    const hit = result.hits.filter(({ before, after }) => before + after > 0)
    expect(hit.length).toBeGreaterThan(KILLS / 2)
    expect(new Set(hit.map(({ command }) => command)).size).toBeGreaterThan(2)
    expect(result.acknowledged).toBeGreaterThan(100)
  })

  it('leave each document as it was acknowledged, once, and nothing of who was forgotten', () => {
    expect(result.faults).toEqual([])
  })
})
