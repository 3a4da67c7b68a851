import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../servers/ports.ts'
import { startServer } from '../../servers/server.ts'
import type { KubeObject } from '../api.ts'
import { type ControlPlane, startControlPlane } from '../control-plane.ts'
import { clusterParts } from '../parts.ts'
import { type NodePool, nodesOf } from './pools.ts'
import { tied } from './tied.ts'

/**
 * A simulated fleet: API server, scheduler and controllers are the real ones, the nodes are KWOK's. Pods are
 * bound but not run, and every Job succeeds.
 */
export interface Fleet extends Omit<ControlPlane, 'stop'> {
  /** Adds nodes, and waits until they take pods. */
  add(nodes: readonly KubeObject[]): Promise<void>
  stop(): Promise<void>
}

const POLL_MS = 200
const READY_DEADLINE_MS = 60_000

interface FleetOptions {
  /** Whether pods run once they are bound; where only the scheduler is asked, that is work for nothing. */
  runsPods?: boolean
}

/** Starts a fleet on free ports of loopback. */
export async function startFleet(
  pools: readonly NodePool[],
  { runsPods = true }: FleetOptions = {},
): Promise<Fleet> {
  const parts = await clusterParts()
  const { nodes, pods, volumes } = parts.stages
  const stages = runsPods ? [...nodes, ...pods, ...volumes] : nodes
  const home = await mkdtemp(join(tmpdir(), 'fleet-'))
  const address = '127.0.0.1'
  const clean = () => rm(home, { recursive: true, force: true })
  const control = await startControlPlane({
    bin: parts.bin,
    home,
    address,
    hasRealNodes: false,
  }).catch(async error => {
    await clean()
    throw error
  })
  const kwok = await startKwok(parts.bin, stages, home, control).catch(async error => {
    await control.stop()
    await clean()
    throw error
  })
  const stop = async () => {
    await kwok.end()
    await control.stop()
    await clean()
  }
  const add = (nodes: readonly KubeObject[]) => addNodes(control, nodes)
  try {
    await control.api.apply(STORAGE_CLASS)
    await add(pools.flatMap(nodesOf))
  } catch (error) {
    await stop()
    throw error
  }
  return { ...control, add, stop }
}

/** The class whose claims KWOK binds. */
const STORAGE_CLASS: KubeObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: 'kwok-volume',
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: 'kwok.x-k8s.io/volume',
  allowVolumeExpansion: true,
}

async function startKwok(
  bin: string,
  stages: readonly string[],
  home: string,
  control: ControlPlane,
) {
  const config = join(home, 'kwok.yaml')
  const texts = await Promise.all(stages.map(stage => readFile(stage, 'utf8')))
  await writeFile(config, texts.join('\n---\n'))
  const port = await freePort()
  return startServer({
    ...tied(join(bin, 'kwok'), [
      `--kubeconfig=${control.kubeconfig}`,
      `--config=${config}`,
      '--manage-all-nodes=true',
      '--node-lease-duration-seconds=40',
      `--server-address=127.0.0.1:${port}`,
    ]),
    readyUrl: `http://127.0.0.1:${port}/healthz`,
  })
}

async function addNodes({ api }: ControlPlane, nodes: readonly KubeObject[]): Promise<void> {
  await Promise.all(nodes.map(node => api.create(node)))
  const deadline = Date.now() + READY_DEADLINE_MS
  for (const node of nodes) {
    for (;;) {
      const found = await api.read(node)
      if (found !== undefined && isReady(found)) break
      if (Date.now() > deadline) throw new Error(`did not get ready: ${JSON.stringify(found)}`)
      await sleep(POLL_MS)
    }
  }
}

interface Condition {
  type: string
  status: string
}

/** Ready, and without the taints that a node has until its controllers saw that; one that is cordoned keeps its own. */
const isReady = ({ spec, status }: KubeObject): boolean =>
  status.conditions?.some(({ type, status }: Condition) => type === 'Ready' && status === 'True') &&
  !spec.taints?.some(
    ({ key }: { key: string }) =>
      key.startsWith('node.kubernetes.io/') && key !== 'node.kubernetes.io/unschedulable',
  )
