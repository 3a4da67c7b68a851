import { BODY_DEPTH, BODY_PARTS, VECTOR } from './limits.ts'

/**
 * Says what is too much in a body, from its bytes, before they are parsed: so deep that there would be no stack left,
 * or of so many parts that to make them, look through them and find a reason for each would keep the process busy. A
 * part is the value of a key, or what is in a list and no number: only the numbers of vectors may be many. Whether it
 * is JSON is for the parser to say; up to the first place that is none, the two see the same.
 * @returns undefined when nothing is
 */
export function whatIsTooMuch(body: Uint8Array): string | undefined {
  /** Of each list that is open, the elements before the last comma; of each object, IS_OBJECT. */
  const open = new Int32Array(BODY_DEPTH)
  let depth = 0
  let top = IS_OBJECT
  let parts = 0
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at]!
    if (byte >= DIGIT_0 && byte <= DIGIT_9) continue
    switch (byte) {
      case COMMA:
        if (top === IS_OBJECT) break
        top += 1
        if (top >= VECTOR) return `a list in it has more than ${VECTOR} elements`
        break
      case COLON:
        if (top === IS_OBJECT) parts += 1
        break
      case QUOTE:
        at = endOfText(body, at)
        if (top !== IS_OBJECT) parts += 1
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (depth === BODY_DEPTH) return `it is more than ${BODY_DEPTH} levels deep`
        if (top !== IS_OBJECT) parts += 1
        open[depth] = top
        depth += 1
        top = byte === OPEN_LIST ? 0 : IS_OBJECT
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        if (depth === 0) return undefined
        depth -= 1
        top = open[depth]!
        break
      case N:
      case T:
      case F:
        if (top !== IS_OBJECT) parts += 1
        break
      case E:
      case SMALL_E:
        // A number that is too large for one is infinite, of which no vector has any: each would be given a reason.
        if (top !== IS_OBJECT && isHuge(body, at)) parts += 1
        break
    }
    if (parts > BODY_PARTS) return `it has more than ${BODY_PARTS} parts`
  }
  return undefined
}

const IS_OBJECT = -1

const code = (character: string): number => character.charCodeAt(0)
const DIGIT_0 = code('0')
const DIGIT_9 = code('9')
const COMMA = code(',')
const COLON = code(':')
const QUOTE = code('"')
const BACKSLASH = code('\\')
const OPEN_LIST = code('[')
const OPEN_OBJECT = code('{')
const CLOSE_LIST = code(']')
const CLOSE_OBJECT = code('}')
const [N, T, F, E, SMALL_E, PLUS] = ['n', 't', 'f', 'E', 'e', '+'].map(code)

/** @returns where the quote is that ends it; the last byte where none does */
function endOfText(body: Uint8Array, start: number): number {
  let at = start + 1
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1
  return at
}

/** Whether an exponent has three digits and more, and is not below zero. */
function isHuge(body: Uint8Array, at: number): boolean {
  const first = at + (body[at + 1] === PLUS ? 2 : 1)
  return [first, first + 1, first + 2].every(place => {
    const byte = body[place] ?? 0
    return byte >= DIGIT_0 && byte <= DIGIT_9
  })
}
