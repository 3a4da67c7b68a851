import { z } from 'zod'
import { chromaHealth } from '../../checks/api/health/chroma-health.ts'
import { examine, type ServerHealth } from '../../checks/api/health/health-report.ts'
import { ollamaHealth } from '../../checks/api/health/ollama-health.ts'
import type { ConnectedDeployment } from '../../checks/connected-deployment.ts'
import { Connection } from '../../checks/transport/connection.ts'
import { isMissing } from '../../checks/transport/server-error.ts'
import { seconds } from '../../infra/units.ts'

/** How the servers of a deployment answer who asks them now: Chroma by instance, Ollama by pool, the API. */
export async function whatAnswers(deployment: ConnectedDeployment): Promise<ServerHealth[]> {
  const [chroma, ollama, api] = await Promise.all([
    chromaHealth(deployment),
    ollamaHealth(deployment),
    apiHealth(deployment),
  ])
  return [...chroma.servers, ...ollama.servers, ...api]
}

async function apiHealth({ api }: ConnectedDeployment): Promise<ServerHealth[]> {
  if (api === undefined) return []
  const connection = new Connection('API', api.url, { maxConnections: 1, headers: api.headers })
  try {
    const { servers } = await examine([
      {
        server: connection.label,
        looks: [
          {
            checked: 'liveness',
            async look(signal) {
              const call = { deadline: seconds(5), repeatable: false, signal }
              await connection.json('/healthz', z.unknown(), call).catch(error => {
                // One of an earlier version has no such route, and answers.
                if (!isMissing(error)) throw error
              })
              return 'it answers'
            },
          },
        ],
      },
    ])
    return servers
  } finally {
    await connection.close()
  }
}
