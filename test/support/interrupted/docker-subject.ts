import { PART_LABEL } from '../../../infra/docker/docker-names.ts'
import { ofStack } from '../../../provision/docker/containers.ts'
import type { RunningEngine } from '../docker/engine.ts'
import { Notes } from '../docker/notes.ts'
import { everythingOf } from '../docker/things.ts'
import { providerKind } from '../stack/providers.ts'
import type { TestStack } from '../stack/test-stack.ts'
import { stackProcesses } from './stack-processes.ts'
import type { Subject } from './subject.ts'

/** The volumes of Ollamas. */
const OF_MODELS = /-dev-ollama-\w+$/

/** A stack of containers. @param notes what was put into it already */
export function dockerSubject(
  stack: TestStack,
  { docker }: Pick<RunningEngine, 'docker'>,
  notes?: Notes,
): Subject {
  let own = notes
  return {
    name: `Docker, ${providerKind}`,
    stack,
    isUp: ({ code }) => code === 0,
    async forgetModels() {
      for (const { Name } of (await docker.listVolumes()).Volumes) {
        if (OF_MODELS.test(Name)) await docker.getVolume(Name).remove()
      }
    },
    async remember() {
      own ??= await Notes.of(stack)
      const count = own.acknowledged.length
      await own.write('before', () => own!.acknowledged.length > count)
    },
    lost: () => own!.lost(),
    async data() {
      const all = Object.entries(await everythingOf(docker))
      return all
        .filter(([name]) => name.startsWith('volume ') && !OF_MODELS.test(name))
        .map(entry => entry.join(' '))
    },
    async running() {
      const containers = await docker.listContainers({ all: true, ...ofStack({ stack: 'dev' }) })
      const networks = await docker.listNetworks(ofStack({ stack: 'dev' }))
      return [
        ...stackProcesses(stack),
        ...containers.map(({ Labels, State }) => `${State} container ${Labels[PART_LABEL]}`),
        ...networks.map(() => 'network'),
      ].sort()
    },
  }
}
