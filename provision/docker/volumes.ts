import { existsSync } from 'node:fs'
import type Docker from 'dockerode'
import {
  CONTAINER_OWNER_LABEL,
  EMBEDDING_LABEL,
  INSTANCES_LABEL,
  SHARDS_LABEL,
  STACK_LABEL,
  volumeName,
} from '../../infra/docker/docker-names.ts'
import { Failure } from '../../infra/failure.ts'
import type { Layout } from '../../infra/ownership/data-layout.ts'
import type { Owner } from '../../infra/ownership/owner.ts'
import { tokensOf } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Bytes, formatBytes } from '../../infra/units.ts'
import { ifThere } from '../if-there.ts'
import { givenOwner } from '../ownership/claim.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import { containerName } from './containers.ts'
import { askEngine } from './docker-engine.ts'
import { isOwn, type Labelled } from './is-own.ts'

/** A volume as the Engine lists it. */
export type NamedVolume = Labelled

/** The parts that have a volume: chromaPart and ollamaPart of infra/docker/docker-names.ts. */
const PART = /^(chroma-\d+|ollama-(cpu|gpu(-\d+)?))$/

/** What the Engine answers where a container has the volume. */
const IN_USE = 409

/** All volumes under the names that a stack gives, whoever made them. */
export async function volumesOf({ stack }: Settings, docker: Docker): Promise<NamedVolume[]> {
  const prefix = volumeName(stack, '')
  const { Volumes } = await docker.listVolumes()
  return Volumes.filter(
    ({ Name }) => Name.startsWith(prefix) && PART.test(Name.slice(prefix.length)),
  ).map(({ Name, Labels }) => ({ name: Name, labels: Labels ?? {} }))
}

/** Those of them that are the stack's own. */
export async function ownVolumes(
  settings: Settings,
  owner: Owner,
  docker: Docker,
): Promise<NamedVolume[]> {
  const volumes = await volumesOf(settings, docker)
  const older = owner.older && hasHadContainers(settings)
  return volumes.filter(
    volume => !isOfAnother(settings, volume) && isOwn(volume, { ...owner, older }),
  )
}

/** How the stack's own data was laid out when its volumes were made, as they say themselves; undefined where there are none. */
export const volumesLayout = (settings: Settings): Promise<Partial<Layout> | undefined> =>
  askEngine(async docker => {
    const home = await ownerOf(settings)
    // What is somebody else's is not the stack's data, and is refused once Pulumi's state is known too.
    const volumes = await ownVolumes(settings, { ...home, id: home.id ?? givenOwner() }, docker)
    const labels = volumes.map(volume => volume.labels).find(labels => SHARDS_LABEL in labels)
    if (labels === undefined) return undefined
    const embeddingModel = labels[EMBEDDING_LABEL]
    return {
      shards: Number(labels[SHARDS_LABEL]),
      instances: Number(labels[INSTANCES_LABEL]),
      ...(embeddingModel !== undefined && { embeddingModel }),
    }
  })

/**
 * Whether containers were ever deployed from the home folder, which have tokens. Volumes of an older version are not
 * those of a folder that has had processes alone.
 */
export const hasHadContainers = ({ home }: Settings): boolean => existsSync(tokensOf(home))

/** Whether a volume says that it is of a stack of another name. */
export const isOfAnother = ({ stack }: Settings, { labels }: NamedVolume): boolean =>
  (labels[STACK_LABEL] ?? stack) !== stack

/** A volume for people, with its owner where it says one. */
export const describeVolume = ({ name, labels }: NamedVolume): string =>
  `volume ${name}${labels[CONTAINER_OWNER_LABEL] ? ` (owner ${labels[CONTAINER_OWNER_LABEL]})` : ''}`

/** `the volumes knowledge-stack-dev-chroma-0 (12 MiB), …`, as the Engine counts them; empty for none. */
export async function sizesOf(volumes: readonly NamedVolume[], docker: Docker): Promise<string> {
  if (volumes.length === 0) return ''
  const usage: { Volumes?: { Name: string; UsageData?: { Size: Bytes } }[] } = await docker.df()
  const sizes = new Map(usage.Volumes?.map(({ Name, UsageData }) => [Name, UsageData?.Size ?? -1]))
  const told = volumes.map(({ name }) => {
    const size = sizes.get(name) ?? -1
    return size < 0 ? name : `${name} (${formatBytes(size)})`
  })
  return `the volumes ${told.join(', ')}`
}

/** @throws Failure `unavailable` that names the container which has the volume */
export async function removeVolume({ name }: NamedVolume, docker: Docker): Promise<void> {
  try {
    await ifThere(docker.getVolume(name).remove())
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== IN_USE) throw error
    const filters = JSON.stringify({ volume: [name] })
    const users = await docker.listContainers({ all: true, filters })
    const names = users.map(({ Names: [Name = ''] }) => containerName({ Name }))
    throw new Failure(
      'unavailable',
      `The volume ${name} cannot be deleted: ${names.map(user => `the container ${user} has it`).join(', ')}`,
      { mend: `docker rm -f ${names.join(' ')}, then run this again`, cause: error },
    )
  }
}
