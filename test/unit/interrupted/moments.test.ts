import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../bench/knowledge/population.ts'
import { ACTIONS, drawMoments, inOrder } from '../../support/interrupted/moments.ts'
import type { Phase } from '../../support/interrupted/update-phases.ts'
import { Draw } from '../../support/kills/draw.ts'

const MEASURED = new Map<Phase, number>([
  ['preparation', 2000],
  ['images', 50],
  ['servers', 9000],
  ['models', 800],
  ['end', 300],
])
const draw = (count: number, seed = 20) => drawMoments(new Draw(randomFrom(seed)), count, MEASURED)

describe('moments of an update that is to be interrupted', () => {
  it('are in every phase that was measured but the last, and by every action, before any comes again', () => {
    const moments = draw(4)
    expect(moments.map(({ phase }) => phase).sort()).toEqual([
      'images',
      'models',
      'preparation',
      'servers',
    ])
    expect(new Set(moments.slice(0, 3).map(({ action }) => action))).toEqual(new Set(ACTIONS))
  })

  it('are others for another seed, and the same for the same one', () => {
    expect(draw(20)).toEqual(draw(20))
    expect(draw(20)).not.toEqual(draw(20, 21))
    for (const { part } of draw(20)) {
      expect(part).toBeGreaterThanOrEqual(0)
      expect(part).toBeLessThan(1)
    }
  })

  it('follow each other in the order that an update comes to them, where each goes on from the one before', () => {
    const phases = inOrder(draw(4)).map(({ phase }) => phase)
    expect(phases).toEqual(['preparation', 'images', 'servers', 'models'])
  })
})
