import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import type { ContainerInspectInfo } from 'dockerode'
import { createOptions, megabytes } from './container-options.ts'
import { type Kind, orUndefined, type Properties, Unfinished } from './kind.ts'
import { upload } from './upload.ts'

const POLL_MS = 250
/** A container that ends sooner has not started. */
const SETTLED_MS = 500
const WAIT_SECONDS = 60
const DEFAULT_NETWORK = 'bridge'

export const container: Kind = {
  // These the official one changes while a container runs, or only takes note of; the rest is between it and itself.
  updatable: [
    ...['cpuShares', 'cpuSet', 'memory', 'memorySwap', 'restart', 'maxRetryCount'],
    ...['cpuPeriod', 'cpuQuota'],
    ...['destroyGraceSeconds', 'mustRun', 'removeVolumes', 'start', 'wait', 'waitTimeout'],
  ],

  async create(inputs, docker, stop) {
    const made = await docker.createContainer(createOptions(inputs))
    try {
      await join(made.id, inputs, docker)
      await upload(inputs.uploads ?? [], made)
      await made.start()
      if (inputs.mustRun !== false) await settle(made)
      if (inputs.wait) await healthy(made, inputs.waitTimeout ?? WAIT_SECONDS, stop)
    } catch (error) {
      throw new Unfinished(made.id, (error as Error).message)
    }
    return { id: made.id, results: resultsOf(await made.inspect()) }
  },

  async read(id, { mustRun }, docker) {
    const found = await orUndefined(docker.getContainer(id).inspect())
    if (found === undefined) return undefined
    if (found.State.Running || found.State.Restarting || mustRun === false) return resultsOf(found)
    // The official provider removes what should run and does not, to make it anew.
    await docker.getContainer(id).remove({ force: true, v: true })
    return undefined
  },

  async update(id, inputs, docker) {
    await docker.getContainer(id).update({
      Memory: megabytes(inputs.memory),
      MemorySwap: megabytes(inputs.memorySwap),
      RestartPolicy: { Name: inputs.restart ?? 'no', MaximumRetryCount: inputs.maxRetryCount ?? 0 },
    })
  },

  async delete(id, { destroyGraceSeconds, removeVolumes = true }, docker) {
    const doomed = docker.getContainer(id)
    if (destroyGraceSeconds) {
      await orUndefined(doomed.stop({ t: destroyGraceSeconds })).catch(error => {
        // 304: it does not run.
        if (error.statusCode !== 304) throw error
      })
    }
    await orUndefined(doomed.remove({ force: true, v: removeVolumes }))
  },
}

const resultsOf = ({ NetworkSettings }: ContainerInspectInfo): Properties => ({
  networkDatas: Object.entries(NetworkSettings.Networks).map(([networkName, { IPAddress }]) => ({
    networkName,
    ipAddress: IPAddress,
  })),
})

async function join(id: string, { networksAdvanced = [] }: Properties, docker: Docker) {
  if (networksAdvanced.length === 0) return
  await docker.getNetwork(DEFAULT_NETWORK).disconnect({ Container: id })
  for (const { name, aliases } of networksAdvanced) {
    await docker
      .getNetwork(name)
      .connect({ Container: id, EndpointConfig: { Aliases: aliases ?? [] } })
  }
}

async function settle(made: Docker.Container): Promise<void> {
  await sleep(SETTLED_MS)
  const { State } = await made.inspect()
  if (!State.Running) throw new Error(`container exited immediately (${State.ExitCode})`)
}

async function healthy(made: Docker.Container, seconds: number, stop: AbortSignal): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (Date.now() < deadline) {
    const { State } = await made.inspect()
    if (State.Health?.Status === 'healthy') return
    await sleep(POLL_MS, undefined, { signal: stop })
  }
  throw new Error('timed out waiting for the container to become healthy')
}
