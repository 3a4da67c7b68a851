import type { ContainerInspectInfo } from 'dockerode'
import { containersOf, partOf } from '../../../provision/docker/containers.ts'
import { providerFolder } from '../stack/providers.ts'
import { TestStack } from '../stack/test-stack.ts'
import type { RunningEngine } from './engine.ts'

/** As the command line calls a stack whose configuration is given in a file. */
const STACK = { stack: 'dev' }

/** A stack of the docker target on an Engine of the tests' own. */
export async function makeDockerStack(
  engine: Pick<RunningEngine, 'host'>,
  settings: Record<string, unknown> = {},
): Promise<TestStack> {
  const stack = await TestStack.make({ target: 'docker', creators: 1000, ...settings })
  stack.env.DOCKER_HOST = engine.host
  stack.env.PATH = `${providerFolder('docker')}:${process.env.PATH}`
  return stack
}

/** The stack's containers by their parts: `chroma-0`, `ollama-cpu-front`, `api`. */
export async function partsOf({
  docker,
}: Pick<RunningEngine, 'docker'>): Promise<Record<string, ContainerInspectInfo>> {
  const containers = await containersOf(STACK, docker)
  return Object.fromEntries(containers.map(container => [partOf(container), container]))
}
