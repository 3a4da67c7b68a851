import { ifThere } from '../../../provision/if-there.ts'
import { type Kind, labelsOf } from './kind.ts'

export const network: Kind = {
  async create({ name, labels }, docker) {
    const named = { Name: name, Labels: labelsOf(labels), CheckDuplicate: true }
    const { id } = await docker.createNetwork(named)
    return { id, results: {} }
  },

  read: async (id, _state, docker) => (await ifThere(docker.getNetwork(id).inspect())) && {},

  async delete(id, _state, docker) {
    await ifThere(docker.getNetwork(id).remove())
  },
}
