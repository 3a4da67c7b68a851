import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type Millis, seconds } from '../../../infra/units.ts'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { HttpError } from '../errors.ts'
import { shared } from '../health/share-result.ts'
import { RELOAD_WORK, WORK } from '../traffic/limits.ts'
import { responsesOf } from '../traffic/response-size.ts'
import { look, ModelView, type Plans, reload } from './model-view.ts'

const Models = z.object({ models: z.array(ModelView) })
const Reload = z
  .strictObject({
    model: z.string().min(1).max(256).optional().describe('The name of one; all when absent'),
  })
  .prefault({})

const PLANS_WITHIN: Millis = seconds(2)

/** As the last verification recorded them. A Chroma that cannot tell them does not keep how the models are from being told. */
const plansOf = (deployment: ConnectedDeployment, signal: AbortSignal): Promise<Plans> =>
  deployment
    .knowledge()
    .verification.last(AbortSignal.any([signal, AbortSignal.timeout(PLANS_WITHIN)]))
    .then(
      last => last?.planned ?? {},
      () => ({}),
    )

/** The deployment's models: how they are, and loading them again. */
export const modelRoutes: FastifyPluginAsyncZod<{
  deployment: ConnectedDeployment
  probe: ConnectedDeployment
}> = async (api, { deployment: { inference }, probe }) => {
  // Past the connections that questions need, and once for all who ask meanwhile: servers may take their time.
  const lookAtAll = shared(async () => {
    const signal = AbortSignal.timeout(WORK)
    const { models } = probe.inference
    const plans = await plansOf(probe, signal)
    return Promise.all(models.map(model => look(probe.inference, model, plans, signal)))
  })
  api.get(
    '/status',
    {
      config: { lane: 'read', access: 'monitor', openOnLoopback: 'always' },
      schema: {
        operationId: 'modelsStatus',
        summary:
          'Each model: there, loaded, its size, its memory, where it runs, as provisioned or not',
        tags: ['models'],
        response: responsesOf('The models', Models, 401, 403),
      },
    },
    async () => ({ models: await lookAtAll() }),
  )

  api.post(
    '/reload',
    {
      config: {
        lane: 'reload',
        work: RELOAD_WORK,
        access: 'service',
        openOnLoopback: 'without keys',
      },
      schema: {
        operationId: 'reloadModels',
        summary: 'Take models out of memory, load them again and see that they answer',
        tags: ['models'],
        body: Reload,
        response: responsesOf('Loaded and verified', Models, 401, 403, 404, 413, 415),
      },
    },
    async ({ body }) => {
      const chosen = inference.models.filter(({ name }) => name === (body.model ?? name))
      if (chosen.length === 0) {
        const names = inference.models.map(({ name }) => name).join(', ')
        throw new HttpError(404, 'not-found', `The deployment has no such model; it has ${names}`)
      }
      // A caller that leaves in the middle must not leave a model unloaded.
      const signal = AbortSignal.timeout(RELOAD_WORK)
      const plans = await plansOf(probe, signal)
      const reloaded = []
      // One after another: two at once may not fit where each of them does.
      for (const model of chosen) reloaded.push(await reload(inference, model, plans, signal))
      return { models: reloaded }
    },
  )
}
