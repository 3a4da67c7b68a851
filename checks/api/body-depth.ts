import type { FastifyInstance } from 'fastify'
import { HttpError } from './errors.ts'
import { BODY_DEPTH } from './limits.ts'

/** Refuses bodies so deep that whoever walks through them would run out of stack. */
export function boundDepth(api: FastifyInstance): void {
  api.addHook('preValidation', async ({ body }) => {
    let level = [body].filter(isNested)
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > BODY_DEPTH) {
        throw new HttpError(400, 'invalid', `The body is more than ${BODY_DEPTH} levels deep`)
      }
      level = level.flatMap(node => Object.values(node).filter(isNested))
    }
  })
}

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null
