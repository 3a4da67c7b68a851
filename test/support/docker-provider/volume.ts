import { ifThere } from '../../../provision/if-there.ts'
import { type Kind, labelsOf } from './kind.ts'

/**
 * One that is there under the name is taken over as it is, by the Engine itself. Its labels are read back, and other
 * ones replace it.
 */
export const volume: Kind = {
  async create({ name, labels }, docker) {
    await docker.createVolume({ Name: name, Labels: labelsOf(labels) })
    return { id: name, results: {} }
  },

  async read(id, _state, docker) {
    const found = await ifThere(docker.getVolume(id).inspect())
    if (found === undefined) return undefined
    const labels = Object.entries(found.Labels ?? {}).map(([label, value]) => ({ label, value }))
    return { labels }
  },

  async delete(id, _state, docker) {
    await ifThere(docker.getVolume(id).remove())
  },
}
