import type Docker from 'dockerode'
import type { BesideReport, BesideRequest } from '../../checks/chroma-files/beside-data.ts'
import {
  CONTAINER_OWNER_LABEL,
  chromaPart,
  PART_LABEL,
  STACK_LABEL,
} from '../../infra/docker/docker-names.ts'
import { Failure } from '../../infra/failure.ts'
import { CHROMA_DATA } from '../../infra/servers/chroma-spec.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { logOf, ownContainers, partOf } from '../docker/containers.ts'
import { askEngine } from '../docker/docker-engine.ts'
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
    const chroma = (await ownContainers(settings, docker)).find(found => partOf(found) === part)
    if (chroma === undefined) throw noContainer(settings, part)
    const { User, Labels } = chroma.Config
    const container = await docker.createContainer({
      Image: settings.images.api,
      Cmd: [BESIDE_DATA, '-'],
      // As the owner of the files.
      User: User || '0:0',
      Labels: {
        [STACK_LABEL]: settings.stack,
        [CONTAINER_OWNER_LABEL]: Labels[CONTAINER_OWNER_LABEL] ?? '',
        [PART_LABEL]: PART,
      },
      OpenStdin: true,
      StdinOnce: true,
      HostConfig: {
        VolumesFrom: [chroma.Id],
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

const noContainer = ({ stack }: Settings, part: string): Failure =>
  new Failure('unavailable', `The stack ${stack} has no container ${part}`, {
    mend: `deploy it: npm run up -- --stack ${stack}`,
  })
