import { z } from 'zod'
import type { ConnectedDeployment } from '../../checks/connected-deployment.ts'
import { Connection } from '../../checks/transport/connection.ts'
import { Failure } from '../../infra/failure.ts'
import { PROJECT_VERSION } from '../../infra/project.ts'
import { seconds } from '../../infra/units.ts'

const Described = z.object({ info: z.object({ version: z.string() }) })

/**
 * Requires that the stack's API is of this version: an older one would go on writing to where creators have left.
 * @throws Failure `misused` for another
 */
export async function requireMovingApi(
  { api }: Pick<ConnectedDeployment, 'api'>,
  stack: string,
  signal: AbortSignal,
): Promise<void> {
  if (api === undefined) return
  const connection = new Connection('API', api.url, { maxConnections: 1, headers: api.headers })
  try {
    const call = { deadline: seconds(5), repeatable: true, signal }
    const { info } = await connection.json('/openapi.json', Described, call)
    if (info.version === PROJECT_VERSION) return
    throw new Failure(
      'misused',
      `The API of stack ${stack} is of version ${info.version}, and this is ${PROJECT_VERSION}`,
      { mend: `deploy this one first: npm run up -- --stack ${stack}` },
    )
  } finally {
    await connection.close()
  }
}
