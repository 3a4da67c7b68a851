import type Docker from 'dockerode'
import { OWNER_LABEL, STACK_LABEL } from '../../infra/docker/names.ts'
import type { Owner } from '../../infra/owner.ts'
import { PROJECT } from '../../infra/project.ts'
import type { Settings } from '../../infra/settings.ts'
import { type Claim, refuseForeign } from '../ownership/claim.ts'
import { containersOf, isOwn, nameOf, ofStack } from './containers.ts'
import { askEngine, find } from './engine.ts'

/**
 * Requires that the volumes and containers under the stack's names are the stack's own.
 * @returns the volumes that are, though they do not say whose they are: a volume's labels cannot be changed
 * @throws Failure `misused` that names what is somebody else's
 */
export const requireOwnPlaces = (settings: Settings, claim: Claim): Promise<string[]> =>
  askEngine(async docker => {
    const adopted: string[] = []
    const foreign: string[] = []
    for (const { name, labels } of await volumesOf(settings, docker)) {
      const owner = labels[OWNER_LABEL]
      if (owner === claim.id) continue
      if (owner === undefined && claim.proves(name)) adopted.push(name)
      else foreign.push(`volume ${name}${owner ? ` (owner ${owner})` : ''}`)
    }
    for (const container of await containersOf(settings, docker)) {
      const owner = container.Config.Labels[OWNER_LABEL]
      const isProven = claim.proves(container.Id) || claim.proves(nameOf(container))
      if (owner === undefined ? isProven : owner === claim.id) continue
      foreign.push(`container ${nameOf(container)}${owner ? ` (owner ${owner})` : ''}`)
    }
    refuseForeign(settings.stack, foreign)
    return adopted
  })

/** Removes the stack's own containers and networks that are not among those of Pulumi's state. */
export const removeUnknown = (
  settings: Settings,
  owner: Owner,
  isKnown?: (id: string) => boolean,
): Promise<void> =>
  askEngine(async docker => {
    for (const { Id, Config } of await containersOf(settings, docker)) {
      if (!isOwn(Config.Labels, owner) || isKnown?.(Id)) continue
      await find(docker.getContainer(Id).remove({ force: true }))
    }
    for (const { Id, Labels = {} } of await docker.listNetworks(ofStack(settings))) {
      if (isOwn(Labels, owner) && !isKnown?.(Id)) await find(docker.getNetwork(Id).remove())
    }
  })

/** The stack's own volumes, by name. */
export async function ownVolumes(
  settings: Settings,
  owner: Owner,
  docker: Docker,
): Promise<string[]> {
  const volumes = await volumesOf(settings, docker)
  const isOurs = ({ name, labels }: NamedVolume) =>
    isOwn(labels, owner) || (labels[OWNER_LABEL] === undefined && owner.adopted.includes(name))
  return volumes.filter(isOurs).map(({ name }) => name)
}

interface NamedVolume {
  name: string
  labels: Record<string, string>
}

/** All volumes under the names that a stack gives, whoever made them. */
async function volumesOf({ stack }: Settings, docker: Docker): Promise<NamedVolume[]> {
  const names = new RegExp(`^${PROJECT}-${stack}-(chroma-\\d+|ollama-(cpu|gpu(-\\d+)?))$`)
  const { Volumes } = await docker.listVolumes()
  return Volumes.flatMap(({ Name, Labels }) => {
    const labels = Labels ?? {}
    const another = labels[STACK_LABEL] !== undefined && labels[STACK_LABEL] !== stack
    return names.test(Name) && !another ? [{ name: Name, labels }] : []
  })
}
