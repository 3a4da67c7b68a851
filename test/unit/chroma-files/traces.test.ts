import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TraceSearch, tracesOf } from '../../../checks/chroma-files/traces.ts'

const floats = (vector: readonly number[]) => Buffer.from(Float32Array.from(vector).buffer)
const scaled = (vector: readonly number[]) => {
  const length = Math.hypot(...vector)
  return vector.map(part => part / length)
}
/** By the last bits of 32, as somebody rounds who adds in another order. */
function rounded(vector: readonly number[], steps: number): Buffer {
  const bits = new Int32Array(Float32Array.from(vector).buffer).map(each => each + steps)
  return Buffer.from(bits.buffer)
}

const text = fc.string({ minLength: 40, maxLength: 200, unit: 'binary' })
const vector = fc.array(fc.float({ min: 0.125, max: 1, noNaN: true }), {
  minLength: 8,
  maxLength: 32,
})
const noise = fc.uint8Array({ maxLength: 300 })

function foundIn(traces: string, ...pieces: Uint8Array[]): number[] {
  const search = new TraceSearch(traces)
  search.look(Buffer.concat(pieces))
  return [...search.found].sort()
}

describe('the traces of records', () => {
  it('are found in whatever is around them, at whichever byte', () => {
    fc.assert(
      fc.property(vector, noise, noise, fc.integer({ min: -2, max: 2 }), (vector, a, b, steps) => {
        const text = 'The lake is deep, and nobody has seen its ground.'
        const traces = tracesOf([{ text, vector }])
        expect(foundIn(traces, a, Buffer.from(text), b)).toEqual([0])
        expect(foundIn(traces, a, rounded(vector, steps), b)).toEqual([1])
        expect(foundIn(traces, a, rounded(scaled(vector), steps), b)).toEqual([1])
        expect(foundIn(traces, a, Buffer.from(floats(vector).toString('base64')), b)).toEqual([1])
      }),
    )
  })

  it('are found in a text as JSON writes it', () => {
    const text = 'He said: "No."\nThen he went to the harbour, and was not seen again.\n'
    const traces = tracesOf([{ text, vector: [] }])
    expect(foundIn(traces, Buffer.from(JSON.stringify({ text })))).toEqual([0])
  })

  it('are found in nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ text, vector }), { maxLength: 5 }), noise, (own, other) => {
        expect(foundIn(tracesOf(own), other)).toEqual([])
      }),
    )
  })

  it('do not take a phrase for a text that has it', () => {
    const phrase = 'Chapter one. In the beginning '
    const traces = tracesOf([
      { text: `${phrase}a harbour had ships, and nobody who sailed them anywhere.`, vector: [] },
    ])
    const other = `${phrase}something else was there, of another length.`
    expect(foundIn(traces, Buffer.from(other))).toEqual([])
  })

  it('say nothing of what they are traces of', () => {
    const text = 'A sentence that is nobody else’s business.'
    const traces = tracesOf([{ text, vector: [0.5, 0.5, 0.5, 0.5] }])
    const decoded = traces.split(/[ ,]/).map(trace => Buffer.from(trace.slice(1), 'base64'))
    for (const bytes of decoded) {
      expect(bytes).toHaveLength(12)
      expect(bytes.includes('sent')).toBe(false)
    }
  })

  it('leave out a text that is too short to be told from others', () => {
    expect(tracesOf([{ text: 'short', vector: [1, 2] }])).toBe('')
  })
})
