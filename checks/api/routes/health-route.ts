import type { FastifyInstance } from 'fastify'
import type { Health } from '../health/health-report.ts'
import { shared } from '../health/share-result.ts'
import { healthResponses } from '../traffic/response-size.ts'

/** Adds `/health`, which whoever asks is told at once, and many who ask at once together. */
export function serveHealth(
  api: FastifyInstance,
  described: { operationId: string; summary: string },
  look: () => Promise<Health>,
): void {
  const health = shared(look)
  api.get(
    '/health',
    {
      config: { rateLimit: false },
      schema: { ...described, tags: ['health'], response: healthResponses },
    },
    async (_request, reply) => {
      const found = await health()
      return reply.code(found.healthy ? 200 : 503).send(found)
    },
  )
}
