import { describe, expect, it } from 'vitest'
import { DocumentHistory } from '../../support/kills/document-history.ts'

/** A put of this version, acknowledged when it ended, or never. */
type Put = { put: number; begin: number; end?: number; heard?: number }
type Delete = { delete: true; begin: number; end?: number; heard?: number }
/** A reader that saw this version, or nothing. */
type Read = { saw: number | undefined; begin: number; end: number }

/** @param steps in the order in which they ended; `heard` bounds what was not acknowledged */
function lastWord(...steps: (Put | Delete | Read)[]): string | undefined {
  const history = new DocumentHistory()
  let said: string | undefined
  for (const step of steps) {
    if ('saw' in step) {
      said = history.observe(step.saw, step, 'a reader')
      continue
    }
    const write = 'put' in step ? history.put(step.put, step.begin) : history.delete(step.begin)
    if (step.end !== undefined) history.acknowledge(write, step.end)
    if (step.heard !== undefined) history.endBy(write, step.heard)
  }
  return said
}

const first: Put = { put: 1, begin: 0, end: 10 }

describe('the model that kill runs hold answers to', () => {
  it.each<[string, ...(Put | Delete | Read)[]]>([
    ['the acknowledged version', first, { saw: 1, begin: 11, end: 12 }],
    ['nothing before anything was there', { saw: undefined, begin: 0, end: 1 }],
    ['nothing while the first is being put', first, { saw: undefined, begin: 5, end: 12 }],
    [
      'either while one is replaced',
      first,
      { put: 2, begin: 20, end: 30 },
      { saw: 2, begin: 22, end: 24 },
    ],
    [
      'the old while one is replaced',
      first,
      { put: 2, begin: 20, end: 30 },
      { saw: 1, begin: 22, end: 24 },
    ],
    ['one that nobody acknowledged', first, { put: 2, begin: 20 }, { saw: 2, begin: 90, end: 91 }],
    [
      'the old when nobody acknowledged',
      first,
      { put: 2, begin: 20 },
      { saw: 1, begin: 90, end: 91 },
    ],
    [
      'nothing after a delete',
      first,
      { delete: true, begin: 20, end: 30 },
      { saw: undefined, begin: 31, end: 32 },
    ],
    [
      'nothing after one that nobody acknowledged',
      first,
      { delete: true, begin: 20, heard: 30 },
      { saw: undefined, begin: 90, end: 91 },
    ],
    [
      'the old after a delete that nobody acknowledged',
      first,
      { delete: true, begin: 20, heard: 30 },
      { saw: 1, begin: 90, end: 91 },
    ],
  ])('lets pass: %s', (_, ...steps) => {
    expect(lastWord(...steps)).toBeUndefined()
  })

  it.each<[string, RegExp, ...(Put | Delete | Read)[]]>([
    ['a version that was never written', /never written/, first, { saw: 3, begin: 11, end: 12 }],
    [
      'a version before it was written',
      /before it was written/,
      { put: 1, begin: 20 },
      { saw: 1, begin: 5, end: 19 },
    ],
    [
      'nothing where something was acknowledged',
      /nobody deleted it/,
      first,
      { saw: undefined, begin: 11, end: 12 },
    ],
    [
      'nothing where something was seen',
      /nobody deleted it/,
      { put: 1, begin: 0 },
      { saw: 1, begin: 1, end: 2 },
      { saw: undefined, begin: 3, end: 4 },
    ],
    [
      'what was overwritten',
      /around version 2/,
      first,
      { put: 2, begin: 20, end: 30 },
      { saw: 1, begin: 31, end: 32 },
    ],
    [
      'what was overwritten by what was only seen',
      /around version 2/,
      first,
      { put: 2, begin: 20 },
      { saw: 2, begin: 21, end: 22 },
      { saw: 1, begin: 31, end: 32 },
    ],
    [
      'what was deleted',
      /was gone/,
      first,
      { delete: true, begin: 20, end: 30 },
      { saw: 1, begin: 31, end: 32 },
    ],
    [
      'what another saw gone',
      /was gone/,
      first,
      { delete: true, begin: 20 },
      { saw: undefined, begin: 21, end: 22 },
      { saw: 1, begin: 31, end: 32 },
    ],
    [
      'what came back after it was overwritten',
      /around version 2/,
      { put: 1, begin: 0, heard: 10 },
      { put: 2, begin: 20, end: 30 },
      { saw: 1, begin: 31, end: 32 },
    ],
    [
      'nothing because of a delete that was over before it was put',
      /nobody deleted it/,
      { delete: true, begin: 0, heard: 5 },
      { put: 1, begin: 10, end: 20 },
      { saw: undefined, begin: 21, end: 22 },
    ],
  ])('finds: %s', (_, said, ...steps) => {
    expect(lastWord(...steps)).toMatch(said)
  })
})
