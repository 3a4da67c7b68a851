import type { FastifyInstance } from 'fastify'
import type { Health } from '../health/health-report.ts'
import { shared } from '../health/share-result.ts'
import { healthResponses } from '../traffic/response-size.ts'

/**
 * Adds a route for health, `/health` unless it is named otherwise, which whoever asks is told at once, and many who ask at once together. A prober needs no token, and
 * learns the verdict alone: what else was found tells of other creators' writes and of the servers inside.
 */
export function serveHealth(
  api: FastifyInstance,
  { path = '/health', ...described }: { path?: string; operationId: string; summary: string },
  look: () => Promise<Health>,
): void {
  const health = shared(look)
  api.get(
    path,
    {
      config: { rateLimit: false, access: 'anyone' },
      schema: { ...described, tags: ['health'], response: healthResponses },
    },
    async ({ mayMonitor }, reply) => {
      const found = await health()
      const { healthy } = found
      return reply.code(healthy ? 200 : 503).send(mayMonitor ? found : { healthy })
    },
  )
}
