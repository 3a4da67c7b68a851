import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { StoreStatistics } from '../../store/statistics.ts'
import { chromaHealth } from '../health/chroma-health.ts'
import { shared } from '../health/share-result.ts'
import { WORK } from '../traffic/limits.ts'
import { healthResponses, responsesOf } from '../traffic/response-size.ts'

/** How the Chroma servers are, and how the creators' records lie in their shards. */
export const chromadb: FastifyPluginAsyncZod<{ probe: ConnectedDeployment }> = async (
  api,
  { probe },
) => {
  const health = shared(() => chromaHealth(probe))
  api.get(
    '/health',
    {
      config: { rateLimit: false },
      schema: {
        operationId: 'chromadbHealth',
        summary: 'Whether the Chroma servers answer and can be read',
        tags: ['health'],
        response: healthResponses,
      },
    },
    async (_request, reply) => {
      const found = await health()
      return reply.code(found.healthy ? 200 : 503).send(found)
    },
  )

  const knowledge = probe.knowledge()
  const statistics = shared(() => knowledge.statistics(AbortSignal.timeout(WORK)))
  api.get(
    '/stats',
    {
      config: { lane: 'read' },
      schema: {
        operationId: 'chromadbStats',
        summary: 'Records and creators, by shard and in all',
        tags: ['health'],
        response: responsesOf('How the records lie in the shards', StoreStatistics),
      },
    },
    () => statistics(),
  )
}
