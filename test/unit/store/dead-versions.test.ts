import { expect, it } from 'vitest'
import type { CreatorId } from '../../../checks/store/creator-id.ts'
import { deadVersions } from '../../../checks/store/records/dead-versions.ts'
import { recordId } from '../../../checks/store/records/record-id.ts'

it('tells versions that are there in part from those that a later one took the place of', () => {
  const chunk = (sequence: number, count: number, index: number) =>
    recordId('ada' as CreatorId, 'd', { sequence, tag: 'a', count }, index)
  const superseded = [chunk(1, 2, 0), chunk(1, 2, 1)]
  const current = [chunk(2, 1, 0)]
  const begun = [chunk(3, 3, 1), chunk(3, 3, 2)]
  const unversioned = ['3:ada1:d0', '3:ada1:e0']
  expect(deadVersions([...superseded, ...current, ...begun, ...unversioned])).toEqual({
    partial: 2,
    superseded: 3,
  })
})
