import { expect, it } from 'vitest'
import type { CheckContext } from '../../../checks/check.ts'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import modelsPlanned from '../../../checks/models/models-planned.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { GiB } from '../../../infra/units.ts'
import { CHAT_MODEL, outputsOf } from '../../support/store/deployment.ts'

/** GPUs cannot be had where the tests run, so what an Ollama with one says is written down here. */
const RUNNING = { size: 12 * GiB, size_vram: 12 * GiB, context_length: CHAT_MODEL.contextLength }

async function check(
  running: Partial<typeof RUNNING> | undefined,
  changes: { target?: Outputs['target']; planned?: { host: number; gpu: number } } = {},
) {
  const { target = 'kubernetes', planned = { host: GiB, gpu: 12 * GiB } } = changes
  const outputs: Outputs = { ...outputsOf(), target, models: [{ ...CHAT_MODEL, planned }] }
  const models =
    running === undefined ? [] : [{ name: CHAT_MODEL.serves, digest: '0', ...RUNNING, ...running }]
  const deployment = await openDeployment(outputs, {
    fetch: async url => Response.json({ models: String(url).endsWith('/api/ps') ? models : [] }),
  })
  const { signal } = new AbortController()
  return modelsPlanned.run({
    deployment,
    readOnly: true,
    signal,
  } as Partial<CheckContext> as CheckContext)
}

it('passes a model that lies on the GPU as a whole, as planned', async () => {
  expect(await check({})).toMatchObject({
    verdict: 'passed',
    detail: expect.stringContaining('runs on the GPU'),
  })
})

it('fails one that fits the GPU in part only', async () => {
  expect(await check({ size_vram: 7 * GiB })).toMatchObject({
    verdict: 'failed',
    detail:
      'smollm2:135m runs on the CPU, with 7.0 GiB of 12.0 GiB on the GPU; the plan put it on a GPU',
  })
})

it('passes one on a GPU that the plan put on the CPU: it takes no room that was promised', async () => {
  expect(await check({}, { planned: { host: 13 * GiB, gpu: 0 } })).toMatchObject({
    verdict: 'passed',
  })
})

it('allows for an estimate that is a little low, and for no more', async () => {
  const planned = { host: GiB, gpu: 9 * GiB }
  expect(await check({}, { planned })).toMatchObject({ verdict: 'passed' })
  expect(await check({}, { planned: { host: 0, gpu: 9 * GiB } })).toMatchObject({
    verdict: 'failed',
    detail: 'Ollama reckons 12.0 GiB for smollm2:135m; the plan says 9.0 GiB',
  })
})

it('only notes another context on servers that somebody else deployed', async () => {
  const detail = 'smollm2:135m is loaded with a context of 8192 tokens; 2048 are planned'
  expect(await check({ context_length: 8192 })).toMatchObject({ verdict: 'failed', detail })
  expect(await check({ context_length: 8192 }, { target: 'environment' })).toMatchObject({
    verdict: 'passed',
    notes: [detail],
  })
})

it('could not check a model that is not loaded, when nothing may be loaded', async () => {
  expect(await check(undefined)).toMatchObject({ verdict: 'unchecked' })
})
