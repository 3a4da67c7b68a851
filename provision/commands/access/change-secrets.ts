import { setTimeout as sleep } from 'node:timers/promises'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import { Failure } from '../../../infra/failure.ts'
import { apiPlace, loopbackUrl } from '../../../infra/local/local-servers.ts'
import { Outputs } from '../../../infra/outputs.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { type Millis, seconds } from '../../../infra/units.ts'
import type { Task } from '../../progress.ts'
import { PulumiEngine } from '../../pulumi/pulumi-engine.ts'
import { withStackLock } from '../../stack-lock.ts'
import type { Steps } from '../../steps/steps.ts'
import { obtainToolchain } from '../../steps/toolchain-step.ts'
import { bringUp } from '../deploy/up.ts'

/** A request to the API, and the status by which its answer shows that a change has come to it. */
export interface Proof {
  path: string
  token?: string
  status: number
}

/** From when on a change of a stack's secrets counts. */
export type Counts = 'now' | 'once the API runs' | 'once deployed'

/** What a changed key of the API's own is told of within, which is asked as soon as all is deployed. */
const SEEN_WITHIN: Millis = seconds(60)
const ASK_EVERY: Millis = seconds(1)
const ONE_ANSWER: Millis = seconds(10)

/**
 * Changes files of a stack's secrets, and has them count: an API of this machine reads them by itself, elsewhere they
 * are deployed as `npm run up` deploys, with all that the stack's file says.
 * @param change changes the files, and says how it is seen to count
 * @param deploys false: the files alone are changed
 * @returns since when it counts, and the exit code of the update where there was one
 * @throws Failure as `up` does; `unavailable` when the API does not answer as it should afterwards
 */
export function changeSecrets(
  stack: StackFile,
  purpose: string,
  change: () => Promise<Proof[]>,
  { deploys, steps }: { deploys: boolean; steps: Steps },
): Promise<{ counts: Counts; exitCode?: number }> {
  const { settings } = stack
  return withStackLock(settings, `${purpose} of stack ${settings.stack}`, async () => {
    if (settings.target === 'local') {
      const proofs = await change()
      const url = loopbackUrl(apiPlace(settings))
      const hasCome = await allHold(url, {}, proofs).catch(() => false)
      return { counts: hasCome ? 'now' : 'once the API runs' }
    }
    const isDeployed = deploys && (await hasOutputs(stack, steps))
    const proofs = await change()
    if (!isDeployed) return { counts: 'once deployed' }
    const { outcome, outputs } = await bringUp(stack, {}, steps)
    await steps.run(
      'API',
      task => waitUntilHeld(outputs, proofs, task),
      () => 'answers by it',
    )
    return { counts: 'now', ...(outcome.exitCode !== undefined && { exitCode: outcome.exitCode }) }
  })
}

async function hasOutputs(stack: StackFile, steps: Steps): Promise<boolean> {
  const { pulumi } = await obtainToolchain({}, steps, ['pulumi'])
  const engine = await PulumiEngine.open(stack, pulumi)
  return steps.run(
    'outputs',
    async task => Outputs.safeParse(await engine.outputs(task)).success,
    deployed => (deployed ? 'read' : 'there are none yet'),
  )
}

async function waitUntilHeld(outputs: Outputs, proofs: Proof[], { signal }: Task): Promise<void> {
  const deadline = Date.now() + SEEN_WITHIN
  const deployment = await openDeployment(outputs)
  try {
    const { url, headers } = deployment.api!
    while (!(await allHold(url, headers, proofs).catch(() => false))) {
      if (Date.now() > deadline) {
        throw new Failure('unavailable', `The API at ${url} does not answer as it should by now`, {
          mend: 'see what it does, and deploy again: npm run status, npm run up',
        })
      }
      await sleep(ASK_EVERY, undefined, { signal })
    }
  } finally {
    await deployment.close()
  }
}

/** @throws when the API cannot be reached */
async function allHold(
  url: string,
  headers: Readonly<Record<string, string>>,
  proofs: readonly Proof[],
): Promise<boolean> {
  for (const { path, token, status } of proofs) {
    const response = await fetch(url + path, {
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(ONE_ANSWER),
    })
    await response.body?.cancel()
    if (response.status !== status) return false
  }
  return true
}
