import { type Kind, labelsOf, orUndefined } from './kind.ts'

/**
 * One that is there under the name is taken over as it is, by the Engine itself. Its labels are read back, and other
 * ones replace it.
 */
export const volume: Kind = {
  updatable: [],

  async create({ name, labels }, docker) {
    await docker.createVolume({ Name: name, Labels: labelsOf(labels) })
    const { Mountpoint, Driver } = await docker.getVolume(name).inspect()
    return { id: name, results: { mountpoint: Mountpoint, driver: Driver } }
  },

  async read(id, _state, docker) {
    const found = await orUndefined(docker.getVolume(id).inspect())
    if (found === undefined) return undefined
    const labels = Object.entries(found.Labels ?? {}).map(([label, value]) => ({ label, value }))
    return { mountpoint: found.Mountpoint, driver: found.Driver, labels }
  },

  async delete(id, _state, docker) {
    await orUndefined(docker.getVolume(id).remove())
  },
}
