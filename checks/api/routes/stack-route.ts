import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Outputs } from '../../../infra/outputs.ts'
import { PROJECT_VERSION } from '../../../infra/project.ts'
import { seconds } from '../../../infra/units.ts'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { LastVerification } from '../../store/verification-record.ts'
import { Durations, type RecentDurations } from '../recent-durations.ts'
import { responsesOf } from '../traffic/response-size.ts'

const READ_WITHIN = seconds(5)

const StackView = z.object({
  stack: z.string(),
  target: Outputs.shape.target,
  version: z.string().describe('Of knowledge-stack'),
  since: z.iso.datetime().describe('When this API was started'),
  requests: Durations.describe(
    'Calls for creators that this API answered in the last minutes; null where there was none',
  ),
  verification: LastVerification.nullable().describe('The last one on record; null without'),
  backup: z
    .object({ created: z.iso.datetime(), records: z.int().nonnegative() })
    .nullable()
    .describe('The last one of all creators that came to its end; null without'),
})
z.globalRegistry.add(StackView, { id: 'Stack' })

/** What stack this is the API of, and how it has been lately. */
export const stackRoute: FastifyPluginAsyncZod<{
  probe: ConnectedDeployment
  durations: RecentDurations
  now: () => number
}> = async (api, { probe, durations, now }) => {
  const { stack, target } = probe.outputs
  const since = new Date(now()).toISOString()
  const { verification, backups } = probe.knowledge()
  api.get(
    '/stack',
    {
      config: { access: 'monitor', openOnLoopback: 'always' },
      schema: {
        operationId: 'stack',
        summary: 'Which stack this is, how fast it answers, its last verification and backup',
        tags: ['health'],
        response: responsesOf('The stack', StackView, 401, 403),
      },
    },
    async () => {
      const within = AbortSignal.timeout(READ_WITHIN)
      const [verified, saved] = await Promise.all([verification.last(within), backups.last(within)])
      return {
        stack,
        target,
        version: PROJECT_VERSION,
        since,
        requests: durations.report(),
        verification: verified ?? null,
        backup: saved === undefined ? null : { created: saved.created, records: saved.records },
      }
    },
  )
}
