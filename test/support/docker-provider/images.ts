import type Docker from 'dockerode'
import { minutes } from '../../../infra/units.ts'
import { ifThere } from '../../../provision/if-there.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import type { Kind, Properties } from './kind.ts'

/** Builds with the machine's own network: the tests' containers reach nothing outside of it otherwise. */
const NETWORK = 'host'

export const image: Kind = {
  create: build,

  async read(_id, { imageName }, docker) {
    const found = await ifThere(docker.getImage(imageName).inspect())
    return found && { repoDigest: found.Id }
  },

  async update(_id, inputs, docker) {
    await build(inputs, docker)
  },

  // The official provider leaves what it has built.
  async delete() {},
}

async function build(inputs: Properties, docker: Docker) {
  const { context, dockerfile, args = {} } = inputs.build
  const argv = ['docker', 'build', '--network', NETWORK, '--tag', inputs.imageName]
  const given = Object.entries(args).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`])
  await runCommand([...argv, ...given, '--file', dockerfile, context], {
    // Engines of Debian's have no other builder.
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
    signal: AbortSignal.timeout(minutes(10)),
  })
  const { Id } = await docker.getImage(inputs.imageName).inspect()
  return { id: Id, results: { repoDigest: Id } }
}

/** An image that is there already is not asked for again, as the official provider has it. */
export const remoteImage: Kind = {
  async create({ name }, docker) {
    const found = await ifThere(docker.getImage(name).inspect())
    if (found === undefined) {
      const progress = await docker.pull(name).catch(error => {
        throw new Error(`unable to pull image ${name}: ${error.message}`)
      })
      await new Promise<void>((resolve, reject) =>
        docker.modem.followProgress(progress, error => (error ? reject(error) : resolve())),
      )
    }
    const { Id } = found ?? (await docker.getImage(name).inspect())
    return { id: `${Id}${name}`, results: { imageId: Id } }
  },

  async read(_id, { name }, docker) {
    const found = await ifThere(docker.getImage(name).inspect())
    return found && { imageId: found.Id }
  },

  async delete(_id, { name, keepLocally }, docker) {
    if (!keepLocally) await ifThere(docker.getImage(name).remove())
  },
}
