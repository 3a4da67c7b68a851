import { Failure } from '../../infra/failure.ts'
import type { Target } from '../../infra/settings/settings-schema.ts'
import { startFleet } from '../support/cluster/fleet/fleet.ts'
import { POOLS } from '../support/cluster/fleet/pools.ts'
import { noEngine, startEngine } from '../support/docker/engine.ts'
import { provideImages } from '../support/docker/images.ts'
import { makeDockerStack } from '../support/docker/stack.ts'
import { dockerSubject } from '../support/interrupted/docker-subject.ts'
import { interruptionTable } from '../support/interrupted/interruption-table.ts'
import { type Interruptions, interruptEach } from '../support/interrupted/interruptions.ts'
import { kubernetesSubject } from '../support/interrupted/kubernetes-subject.ts'
import { localSubject } from '../support/interrupted/local-subject.ts'
import type { Subject } from '../support/interrupted/subject.ts'
import { clusterStack } from '../support/kubernetes/cluster-stack.ts'
import { TestStack } from '../support/stack/test-stack.ts'
import type { Bench } from './bench.ts'
import { wholeNumber } from './whole-number.ts'

const INCIDENTS = 20
const SEED = 20
const NAMESPACE = 'knowledge-stack'

/** What is done with a stack of each target. */
type Use = (subject: Subject) => Promise<void>
const TARGETS: Record<Target, (use: Use) => Promise<void>> = {
  local: onLocal,
  docker: onDocker,
  kubernetes: onKubernetes,
}

/** Kills and Ctrl-C in every phase of `up`, on every target, each followed by `up` and `down`. */
export const interrupted: Bench = {
  name: 'interrupted',
  async run(flags) {
    const count = wholeNumber(flags, '--incidents', INCIDENTS)
    const seed = wholeNumber(flags, '--seed', SEED)
    const figures: Interruptions[] = []
    for (const target of targetsOf(flags)) {
      const report = (line: string) => process.stderr.write(`${target}: ${line}\n`)
      await TARGETS[target](async subject => {
        figures.push(await interruptEach(subject, { seed, count, report }))
      })
    }
    return { markdown: interruptionTable(figures), figures }
  },
}

function targetsOf(flags: readonly string[]): Target[] {
  const all = Object.keys(TARGETS) as Target[]
  const place = flags.indexOf('--target')
  if (place === -1) return all
  const wanted = all.find(target => target === flags[place + 1])
  if (wanted !== undefined) return [wanted]
  throw new Failure('misused', `--target is ${flags[place + 1]}; allowed are ${all.join(', ')}`)
}

async function onLocal(use: Use): Promise<void> {
  await usingStack(await TestStack.make(), stack => use(localSubject(stack)))
}

async function onDocker(use: Use): Promise<void> {
  if (noEngine !== undefined) throw new Error(`Docker ${noEngine}`)
  const engine = await startEngine()
  try {
    await provideImages(engine.docker)
    await usingStack(await makeDockerStack(engine), stack => use(dockerSubject(stack, engine)))
  } finally {
    await engine.stop()
  }
}

async function onKubernetes(use: Use): Promise<void> {
  const fleet = await startFleet(POOLS)
  try {
    const kubernetes = { namespace: NAMESPACE, verification: false }
    const stack = await clusterStack(fleet.kubeconfig, { creators: 1000, kubernetes })
    await usingStack(stack, () => use(kubernetesSubject(stack, fleet, NAMESPACE)))
  } finally {
    await fleet.stop()
  }
}

async function usingStack(stack: TestStack, use: (stack: TestStack) => Promise<void>) {
  try {
    await use(stack)
  } finally {
    await stack.end()
  }
}
