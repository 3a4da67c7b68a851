import type Docker from 'dockerode'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import { Failure } from '../../infra/failure.ts'
import { placesOf } from '../../infra/local/local-servers.ts'
import { PROJECT } from '../../infra/project.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { ifThere } from '../if-there.ts'
import { requireFree } from '../processes/free-port.ts'
import { containersOf, portsOf } from './containers.ts'
import { askEngine } from './docker-engine.ts'

/** What Docker calls an architecture in an image, by what the kernel calls it. */
const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' }

/**
 * Requires, before anything is made, that the Engine can be asked, that the stack's ports are free or its own, and
 * that the images that are there already run on this machine.
 * @throws Failure `unavailable` that names what is in the way
 */
export const requireDocker = (settings: Settings): Promise<void> =>
  askEngine(async docker => {
    await requireArchitecture(settings, docker)
    await requirePorts(settings, docker)
  })

async function requireArchitecture({ images }: Settings, docker: Docker): Promise<void> {
  const { Architecture: kernel } = await docker.info()
  const machine = ARCHITECTURES[kernel] ?? kernel
  for (const [part, image] of Object.entries(images)) {
    const found = await ifThere(docker.getImage(image).inspect())
    if (found === undefined || found.Architecture === machine) continue
    throw new Failure(
      'unavailable',
      `The image ${image} on this machine is for ${found.Architecture}; the machine is ${machine}`,
      {
        mend: `remove it, so that the right one is pulled: docker rmi ${image}; or name another: ${PROJECT}:images.${part}`,
      },
    )
  }
}

async function requirePorts(settings: Settings, docker: Docker): Promise<void> {
  // Of any stack of this name: where it is not this one, takeOver says so, by its owner, and not by a port alone.
  const own = new Set((await containersOf(settings, docker)).flatMap(portsOf))
  for (const { program, port } of placesOf(settings)) {
    if (!own.has(port)) await requireFree(port, program)
  }
}

/**
 * Requires that the Engine can give containers the GPUs that the plan wants for them.
 * @throws Failure `unavailable` that names the server and what it wants
 */
export function requireGpus(
  { workloads }: Pick<StackPlan, 'workloads'>,
  { Runtimes }: { Runtimes: object },
): void {
  const wanting = workloads.find(({ limits }) => limits.gpu !== undefined)
  if (wanting === undefined || 'nvidia' in Runtimes) return
  throw new Failure(
    'unavailable',
    `${wanting.name} is planned on ${wanting.limits.gpu?.count} GPU, but the Docker Engine has no nvidia runtime (it has ${Object.keys(Runtimes).join(', ')})`,
    {
      mend: 'install the NVIDIA Container Toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker',
    },
  )
}
