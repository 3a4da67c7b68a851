import { ifThere } from '../../../provision/if-there.ts'
import type { Kind } from './kind.ts'

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
