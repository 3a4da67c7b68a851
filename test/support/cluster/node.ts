import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { create } from 'tar'
import { debianCommand } from '../servers/debian.ts'
import { type StartedServer, startServer } from '../servers/server.ts'
import type { KubeObject } from './api.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import {
  containerdFile,
  corefile,
  kubeletFile,
  NODE,
  PORTS,
  proxyFile,
  SANDBOX_IMAGE,
  writeNodeConfig,
} from './fleet/node-config.ts'
import { writeImage } from './image.ts'
import { type Machine, run, startMachine } from './machine.ts'
import { clusterParts } from './parts.ts'

/** A cluster of one node whose parts are all real. */
export interface RealCluster extends Omit<ControlPlane, 'stop'> {
  /** This machine as pods see it: what listens there, they reach. */
  gateway: string
  /** The folder of everything that is written on the node. */
  home: string
  /** Gives the node an image from a docker archive. */
  load(archive: string): Promise<void>
  /** Kills the kubelet and starts it again. Pods run on meanwhile. */
  restartKubelet(): Promise<void>
  stop(): Promise<void>
}

const READY_DEADLINE_MS = 60_000
const POLL_MS = 100

/** @throws Error without root, and where Debian packages are missing and may not be installed */
export async function startRealCluster(): Promise<RealCluster> {
  const { bin } = await clusterParts()
  await requirePackages()
  const ends: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  try {
    const machine = await startMachine()
    ends.push(() => machine.stop())
    const { home, gateway } = machine
    const control = await startControlPlane({ bin, home, address: gateway, hasRealNodes: true })
    ends.push(() => control.stop())
    await writeNodeConfig(machine, control.kubeconfig)
    await startOnNode(machine, `${PORTS.containerd}/v1/metrics`, [
      'containerd',
      `--config=${containerdFile(machine)}`,
    ])
    const load = (archive: string) => loadImage(machine, archive)
    await load(await sandboxImage(bin, home))

    const startKubelet = () =>
      startOnNode(machine, `${PORTS.kubelet}/healthz`, [
        join(bin, 'kubelet'),
        `--config=${kubeletFile(machine)}`,
        `--kubeconfig=${control.kubeconfig}`,
        `--hostname-override=${NODE}`,
        `--node-ip=${machine.address}`,
        `--root-dir=${join(home, 'kubelet')}`,
        `--cert-dir=${join(home, 'kubelet', 'pki')}`,
      ])
    let [kubelet] = await Promise.all([
      startKubelet(),
      startOnNode(machine, `${PORTS.proxy}/healthz`, [
        join(bin, 'kube-proxy'),
        `--config=${proxyFile(machine)}`,
      ]),
      startOnNode(machine, `${PORTS.dns}/ready`, [
        join(bin, 'coredns'),
        `-conf=${corefile(machine)}`,
      ]),
    ])
    await nodeReady(control)
    return {
      ...control,
      gateway,
      home,
      load,
      async restartKubelet() {
        await kubelet.end()
        kubelet = await startKubelet()
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Debian's packages, by a command of each. */
const PACKAGES = {
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  conntrack: 'conntrack',
  ip: 'iproute2',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
}

async function requirePackages(): Promise<void> {
  for (const [command, name] of Object.entries(PACKAGES)) {
    if ((await debianCommand(command, name)) === undefined) {
      throw new Error(`${command} is missing: apt-get install ${name}`)
    }
  }
}

/** What runs on the node ends with the machine; the answer is for what is to end before. */
function startOnNode(machine: Machine, ready: string, argv: string[]): Promise<StartedServer> {
  const [command = '', ...args] = [...machine.enter, ...argv]
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  return startServer({ command, args, env, readyUrl: `http://${machine.address}:${ready}` })
}

const loadImage = async ({ enter }: Machine, archive: string): Promise<void> => {
  await run(...enter, 'ctr', '--namespace', 'k8s.io', 'images', 'import', archive)
}

/** What holds a pod's namespaces, from the program of that name alone. */
async function sandboxImage(bin: string, home: string): Promise<string> {
  const layer = join(await mkdtemp(join(tmpdir(), 'pause-')), 'layer.tar')
  await create({ cwd: bin, file: layer, portable: true }, ['pause'])
  return writeImage(home, { name: SANDBOX_IMAGE, layers: [layer], entrypoint: ['/pause'] })
}

async function nodeReady({ api }: ControlPlane): Promise<void> {
  const deadline = Date.now() + READY_DEADLINE_MS
  const reference = { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } }
  for (;;) {
    const node = await api.read(reference)
    if (node !== undefined && isReady(node)) return
    if (Date.now() > deadline)
      throw new Error(`the node is not ready: ${JSON.stringify(node?.status)}`)
    await sleep(POLL_MS)
  }
}

const isReady = ({ spec, status }: KubeObject): boolean =>
  status.conditions?.some(
    (condition: { type: string; status: string }) =>
      condition.type === 'Ready' && condition.status === 'True',
  ) && (spec.taints ?? []).length === 0
