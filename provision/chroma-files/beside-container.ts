import type Docker from 'dockerode'
import type { BesideReport, BesideRequest } from '../../checks/chroma-files/beside-data.ts'
import {
  CONTAINER_OWNER_LABEL,
  chromaPart,
  PART_LABEL,
  STACK_LABEL,
  volumeName,
} from '../../infra/docker/docker-names.ts'
import { Failure } from '../../infra/failure.ts'
import { CHROMA_DATA } from '../../infra/servers/chroma-spec.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { logOf, ownContainers, partOf } from '../docker/containers.ts'
import { askEngine } from '../docker/docker-engine.ts'
import { type NamedVolume, ownVolumes } from '../docker/volumes.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import { BESIDE_DATA, readBesideReport } from './beside-report.ts'

const PART = 'beside-data'

/** In a container of the project's own image, without a network, which has the volume of Chroma's. */
export const besideContainer = (
  settings: Settings,
  instance: number,
  request: Omit<BesideRequest, 'data'>,
): Promise<BesideReport> =>
  askEngine(async docker => {
    const part = chromaPart(instance)
    const own = await ownContainers(settings, docker)
    // Of a command that was killed.
    for (const { Id } of own.filter(found => partOf(found) === PART)) {
      await docker.getContainer(Id).remove({ force: true })
    }
    const chroma = own.find(found => partOf(found) === part)
    // Without a server, as a replacement that was killed leaves it, by the name of its volume.
    const volume = chroma === undefined ? await volumeOf(part, settings, docker) : undefined
    const container = await docker.createContainer({
      Image: settings.images.api,
      Cmd: [BESIDE_DATA, '-'],
      // As the owner of the files.
      User: chroma?.Config.User || '0:0',
      Labels: {
        [STACK_LABEL]: settings.stack,
        [CONTAINER_OWNER_LABEL]:
          (chroma?.Config.Labels ?? volume!.labels)[CONTAINER_OWNER_LABEL] ?? '',
        [PART_LABEL]: PART,
      },
      OpenStdin: true,
      StdinOnce: true,
      HostConfig: {
        ...(chroma === undefined
          ? { Binds: [`${volume!.name}:${CHROMA_DATA}`] }
          : { VolumesFrom: [chroma.Id] }),
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
      },
    })
    try {
      await giveInput(container, JSON.stringify({ data: CHROMA_DATA, ...request }))
      await container.wait()
      return readBesideReport(await logOf(container, docker, { stderr: false }), part)
    } finally {
      await container.remove({ force: true })
    }
  })

async function giveInput(container: Docker.Container, input: string): Promise<void> {
  const stream = await container.attach({ stream: true, stdin: true, hijack: true })
  await container.start()
  stream.end(input)
}

async function volumeOf(part: string, settings: Settings, docker: Docker): Promise<NamedVolume> {
  const own = await ownVolumes(settings, await ownerOf(settings), docker)
  const found = own.find(({ name }) => name === volumeName(settings.stack, part))
  if (found === undefined) throw noContainer(settings, part)
  return found
}

const noContainer = ({ stack }: Settings, part: string): Failure =>
  new Failure('unavailable', `The stack ${stack} has no container ${part}`, {
    mend: `deploy it: npm run up -- --stack ${stack}`,
  })
