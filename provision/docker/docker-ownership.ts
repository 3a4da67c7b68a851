import type { ContainerInspectInfo } from 'dockerode'
import { CONTAINER_OWNER_LABEL } from '../../infra/docker/docker-names.ts'
import type { Owner } from '../../infra/ownership/owner.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { GONE, ifThere } from '../if-there.ts'
import { type Claim, refuseForeign } from '../ownership/claim.ts'
import { containerName, containersOf, ofStack } from './containers.ts'
import { askEngine } from './docker-engine.ts'
import {
  describeVolume,
  hasHadContainers,
  isOfAnother,
  type NamedVolume,
  volumesOf,
} from './volumes.ts'

/** What the Engine answers when it is to remove a network that containers are on. */
const IN_USE = 403
/** What the Engine answers when it is to remove a container that it removes already. */
const ON_ITS_WAY = 409

/** What is found in a stack's places: whether it is its own, and whether it can say so. */
interface Found {
  adopted: string[]
  foreign: string[]
}

/**
 * Requires that the volumes and containers under the stack's names are the stack's own.
 * @returns those that are, though they do not say so: they are of an older version
 * @throws Failure `misused` that names what is somebody else's
 */
export const requireOwnPlaces = (settings: Settings, claim: Claim): Promise<string[]> =>
  askEngine(async docker => {
    const volumes = judgeVolumes(settings, claim, await volumesOf(settings, docker))
    const containers = judgeContainers(claim, await containersOf(settings, docker))
    refuseForeign(settings.stack, [...volumes.foreign, ...containers.foreign])
    return [...volumes.adopted, ...containers.adopted]
  })

function judgeVolumes(settings: Settings, claim: Claim, volumes: NamedVolume[]): Found {
  const judged: Found = { adopted: [], foreign: [] }
  const hadContainers = hasHadContainers(settings)
  for (const volume of volumes) {
    const owner = volume.labels[CONTAINER_OWNER_LABEL]
    if (owner === claim.id) continue
    const isProven = claim.knows(volume.name) || (hadContainers && claim.proves(volume.name))
    if (owner === undefined && isProven && !isOfAnother(settings, volume))
      judged.adopted.push(volume.name)
    else judged.foreign.push(describeVolume(volume))
  }
  return judged
}

function judgeContainers(claim: Claim, containers: ContainerInspectInfo[]): Found {
  const judged: Found = { adopted: [], foreign: [] }
  const isProven = provenBy(claim.knows, containers)
  for (const container of containers) {
    const owner = container.Config.Labels[CONTAINER_OWNER_LABEL]
    if (owner === claim.id) continue
    const name = containerName(container)
    if (owner === undefined && isProven(container)) judged.adopted.push(name)
    else judged.foreign.push(`container ${name}${owner ? ` (owner ${owner})` : ''}`)
  }
  return judged
}

/**
 * A container of an older version is the stack's when it is known as such, or the network that it is on, or the one
 * whose network namespace it shares: an older version's update that was killed leaves containers which only that tells.
 */
function provenBy(knows: (name: string) => boolean, containers: ContainerInspectInfo[]) {
  const byId = new Map(containers.map(container => [container.Id, container]))
  return function isProven(container: ContainerInspectInfo): boolean {
    if (knows(container.Id) || knows(containerName(container))) return true
    if (Object.keys(container.NetworkSettings.Networks).some(knows)) return true
    const [, beside] = container.HostConfig.NetworkMode?.match(/^container:(.+)$/) ?? []
    if (beside === undefined) return false
    const front = byId.get(beside)
    return knows(beside) || (front !== undefined && isProven(front))
  }
}

/**
 * Removes the stack's own containers and networks that are not among those of Pulumi's state. Of those of an older
 * version only what is proven: another stack of this name may have left its own without an owner too.
 */
export const removeUnknownContainers = (
  settings: Settings,
  owner: Owner,
  isKnown: (name: string) => boolean = () => false,
): Promise<void> =>
  askEngine(async docker => {
    const isAdopted = (name: string) => owner.adopted.includes(name)
    const isLeft = (id: string, name: string, label: string | undefined, proven: boolean) =>
      (label === undefined ? proven : label === owner.id) && !isKnown(id) && !isKnown(name)
    const containers = await containersOf(settings, docker)
    const isProven = provenBy(isAdopted, containers)
    for (const container of containers) {
      const { Id, Config } = container
      const label = Config.Labels[CONTAINER_OWNER_LABEL]
      if (!isLeft(Id, containerName(container), label, isProven(container))) continue
      await ifThere(docker.getContainer(Id).remove({ force: true }), [GONE, ON_ITS_WAY])
    }
    for (const { Id, Name, Labels } of await docker.listNetworks(ofStack(settings))) {
      if (!isLeft(Id, Name, Labels?.[CONTAINER_OWNER_LABEL], isAdopted(Name))) continue
      // One that others are on stays, as they do; one that containers of the state are on goes with them.
      await ifThere(docker.getNetwork(Id).remove(), [GONE, IN_USE])
    }
  })
