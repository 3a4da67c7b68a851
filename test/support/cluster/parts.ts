import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Task } from '../../../provision/progress.ts'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import {
  buildPrograms,
  type GoPrograms,
  loadModule,
  STAGES_OF_A_BUILD,
} from '../../../provision/toolchain/installers/go-build.ts'
import { Stages } from '../../../provision/toolchain/installers/stages.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'

/** Of all that has k8s.io in its name; the go.mod beside has the same. */
export const KUBERNETES_VERSION = '1.36.3'

const KWOK = {
  path: 'sigs.k8s.io/kwok',
  version: 'v0.8.0',
  sum: 'h1:OTIOTwgROqPMovcTwxICx2eYQ4AwLpSx5EpjbDKF4SQ=',
}

// Without them the components call themselves v0.0.0, and clients cannot parse that.
const VERSION_FLAGS = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap(
  name => [
    `-X ${name}.gitVersion=v${KUBERNETES_VERSION}`,
    `-X ${name}.gitMajor=${KUBERNETES_VERSION.split('.')[0]}`,
    `-X ${name}.gitMinor=${KUBERNETES_VERSION.split('.')[1]}`,
  ],
)

const PROGRAMS: GoPrograms = {
  module: join(import.meta.dirname, 'parts'),
  // `tool` stands for what the go.mod lists as tools.
  packages: ['tool', './...'],
  tags: [],
  ldflags: VERSION_FLAGS,
  environment: {},
}

const STAGES = {
  nodes: [
    'node/fast/node-initialize.yaml',
    'node/heartbeat-with-lease/node-heartbeat-with-lease.yaml',
  ],
  pods: ['pod/fast/pod-ready.yaml', 'pod/fast/pod-complete.yaml', 'pod/fast/pod-delete.yaml'],
  volumes: [
    'volume/fast/pvc-provision.yaml',
    'volume/fast/pvc-delete.yaml',
    'volume/fast/pv-bind.yaml',
    'volume/fast/pv-delete.yaml',
  ],
}

/**
 * The programs of a cluster, built from Go's module proxy in one go, so that what they share is compiled once:
 * etcd, kube-apiserver, kube-scheduler, kube-controller-manager, kubelet, kube-proxy, coredns, kwok.
 */
export interface ClusterParts {
  /** The folder of the programs. */
  bin: string
  /** KWOK's own rules for what is simulated: YAML files. */
  stages: Record<keyof typeof STAGES, string[]>
}

export async function clusterParts(
  report: (text: string) => void = () => {},
): Promise<ClusterParts> {
  const { cache, env } = toolchainOptions(process.env)
  const what = `Kubernetes ${KUBERNETES_VERSION}`
  const task: Task = { report, signal: new AbortController().signal }
  const folder = await finishedFolder(
    join(cache, 'tools', `kubernetes-${KUBERNETES_VERSION}-source`),
    what,
    task,
    async draft => {
      const bin = join(draft, 'bin')
      await mkdir(bin)
      const stages = new Stages(task, STAGES_OF_A_BUILD)
      await buildPrograms(PROGRAMS, bin, draft, what, env, stages)
      const kwok = await loadModule(KWOK, what, env, task)
      await cp(join(kwok, 'kustomize', 'stage'), join(draft, 'stages'), { recursive: true })
    },
  )
  const within = (paths: string[]) => paths.map(path => join(folder, 'stages', path))
  return {
    bin: join(folder, 'bin'),
    stages: {
      nodes: within(STAGES.nodes),
      pods: within(STAGES.pods),
      volumes: within(STAGES.volumes),
    },
  }
}
