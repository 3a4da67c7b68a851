import type { FastifyInstance } from 'fastify'
import { isObject } from '../../store/records/json-size.ts'
import { HttpError } from '../errors.ts'
import { BODY_DEPTH, BODY_PARTS, VECTOR } from './limits.ts'

/**
 * Refuses bodies that would keep whoever looks through them busy: so deep that there would be no stack left, or with so
 * many parts that a reason found for each would fill the memory. Only the numbers of vectors may be many.
 */
export function boundBodies(api: FastifyInstance): void {
  api.addHook('preValidation', async ({ body }) => {
    const wrong = whatIsTooMuch(body)
    if (wrong !== undefined) throw new HttpError(400, 'invalid', `body: ${wrong}`)
  })
}

function whatIsTooMuch(body: unknown): string | undefined {
  let level = [body].filter(isObject)
  let parts = 0
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > BODY_DEPTH) return `it is more than ${BODY_DEPTH} levels deep`
    const below: object[] = []
    for (const node of level) {
      const isList = Array.isArray(node)
      const values: unknown[] = isList ? node : Object.values(node)
      if (isList && values.length > VECTOR) return `a list in it has more than ${VECTOR} elements`
      for (const value of values) {
        if (isList && typeof value === 'number') continue
        parts += 1
        if (isObject(value)) below.push(value)
      }
      if (parts > BODY_PARTS) return `it has more than ${BODY_PARTS} parts`
    }
    level = below
  }
  return undefined
}
