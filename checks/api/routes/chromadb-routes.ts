import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { StoreStatistics } from '../../store/statistics.ts'
import { chromaHealth } from '../health/chroma-health.ts'
import { shared } from '../health/share-result.ts'
import { WORK } from '../traffic/limits.ts'
import { responsesOf } from '../traffic/response-size.ts'
import { serveHealth } from './health-route.ts'

/** How the Chroma servers are, and how the creators' records lie in their shards. */
export const chromadb: FastifyPluginAsyncZod<{ probe: ConnectedDeployment }> = async (
  api,
  { probe },
) => {
  const described = {
    operationId: 'chromadbHealth',
    summary: 'Whether the Chroma servers answer and can be read',
  }
  serveHealth(api, described, () => chromaHealth(probe))

  const knowledge = probe.knowledge()
  const statistics = shared(() => knowledge.statistics(AbortSignal.timeout(WORK)))
  api.get(
    '/stats',
    {
      config: { lane: 'read', access: 'monitor', openOnLoopback: 'always' },
      schema: {
        operationId: 'chromadbStats',
        summary: 'Records and creators, by shard and in all',
        tags: ['health'],
        response: responsesOf('How the records lie in the shards', StoreStatistics, 401, 403),
      },
    },
    () => statistics(),
  )
}
