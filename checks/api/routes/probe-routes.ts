import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { chromaHealth } from '../health/chroma-health.ts'
import type { Health } from '../health/health-report.ts'
import { ollamaHealth } from '../health/ollama-health.ts'
import { serveHealth } from './health-route.ts'

const Alive = z.object({ healthy: z.literal(true) })

/** What an orchestrator or a load balancer asks: whether this API answers, and whether all behind it is well. */
export const probes: FastifyPluginAsync<{ probe: ConnectedDeployment }> = async (
  api,
  { probe },
) => {
  api.get(
    '/healthz',
    {
      config: { rateLimit: false, access: 'anyone' },
      schema: {
        operationId: 'liveness',
        summary: 'Whether this API answers, whatever is behind it',
        tags: ['health'],
        response: { 200: Alive },
      },
    },
    async () => ({ healthy: true as const }),
  )
  serveHealth(
    api,
    {
      path: '/readyz',
      operationId: 'readiness',
      summary: 'Whether Chroma and Ollama answer, and what they hold is there',
    },
    async () => both(...(await Promise.all([chromaHealth(probe), ollamaHealth(probe)]))),
  )
}

const both = (one: Health, other: Health): Health => ({
  healthy: one.healthy && other.healthy,
  millis: Math.max(one.millis, other.millis),
  servers: [...one.servers, ...other.servers],
})
