import { type Kind, labelsOf, orUndefined } from './kind.ts'

const DRIVER = 'bridge'

export const network: Kind = {
  updatable: [],

  async create({ name, labels, driver = DRIVER }, docker) {
    const { id } = await docker.createNetwork({
      Name: name,
      Driver: driver,
      Labels: labelsOf(labels),
      CheckDuplicate: true,
    })
    return { id, results: { driver } }
  },

  async read(id, { driver = DRIVER }, docker) {
    return (await orUndefined(docker.getNetwork(id).inspect())) && { driver }
  },

  async delete(id, _state, docker) {
    await orUndefined(docker.getNetwork(id).remove())
  },
}
