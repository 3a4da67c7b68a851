import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import { GONE, ifThere } from '../../../provision/if-there.ts'
import { BEHAVIOUR } from './behaviour.ts'
import { createOptions, megabytes } from './container-options.ts'
import { type Kind, type Properties, Unfinished } from './kind.ts'
import { upload } from './upload.ts'

const POLL_MS = 250
/** What the Engine answers when it is to stop a container that does not run. */
const IS_STOPPED = 304
const { refused, ended } = BEHAVIOUR.resources['docker:index/container:Container']!

export const container: Kind = {
  async create(inputs, docker) {
    const made = await docker.createContainer(createOptions(inputs))
    try {
      await join(made.id, inputs, docker)
      await upload(inputs.uploads ?? [], made)
      await made.start()
      if (inputs.wait && !inputs.healthcheck) throw new Error(refused.wait)
      if (inputs.wait) await healthy(made, inputs.waitTimeout)
    } catch (error) {
      throw new Unfinished(made.id, (error as Error).message)
    }
    return { id: made.id, results: {} }
  },

  async read(id, _state, docker) {
    const found = await ifThere(docker.getContainer(id).inspect())
    return found && (found.State.Running ? {} : ended)
  },

  async update(id, inputs, docker, olds) {
    const { restart, maxRetryCount = 0, memory, memorySwap } = inputs
    const updated = docker.getContainer(id)
    // What has ended, and runs again by that.
    if (inputs.mustRun && olds.mustRun === false) await updated.start()
    await updated.update({
      Memory: megabytes(memory),
      MemorySwap: megabytes(memorySwap),
      RestartPolicy: { Name: restart, MaximumRetryCount: maxRetryCount },
    })
  },

  async delete(id, { destroyGraceSeconds, removeVolumes }, docker) {
    const doomed = docker.getContainer(id)
    if (destroyGraceSeconds)
      await ifThere(doomed.stop({ t: destroyGraceSeconds }), [GONE, IS_STOPPED])
    await ifThere(doomed.remove({ force: true, v: removeVolumes }))
  },
}

async function join(id: string, { networksAdvanced = [] }: Properties, docker: Docker) {
  if (networksAdvanced.length === 0) return
  await docker.getNetwork('bridge').disconnect({ Container: id })
  for (const { name, aliases } of networksAdvanced) {
    await docker
      .getNetwork(name)
      .connect({ Container: id, EndpointConfig: { Aliases: aliases ?? [] } })
  }
}

/** To its end, also when the engine is interrupted. */
async function healthy(made: Docker.Container, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (Date.now() < deadline) {
    const { State } = await made.inspect()
    if (State.Health?.Status === 'healthy') return
    await sleep(POLL_MS)
  }
  throw new Error('container failed to be in healthy state')
}
