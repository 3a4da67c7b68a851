import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { Agent } from 'undici'
import { stringify } from 'yaml'
import { freePort } from '../servers/ports.ts'
import { type StartedServer, startServer } from '../servers/server.ts'
import { KubeApi } from './api.ts'
import { tied } from './fleet/tied.ts'

export interface ControlPlaneOptions {
  /** The folder of the programs. */
  bin: string
  /** An empty folder for keys, configurations and etcd's data. */
  home: string
  /** The address of this machine that nodes reach the API server at. */
  address: string
  /** Pods' own requests to the API go to an address of this machine; a fleet has no pods that could send any. */
  hasRealNodes: boolean
}

/** The servers that make a cluster of nodes, each the real one. */
export interface ControlPlane {
  /** Path of a configuration for the cluster's administrator. */
  kubeconfig: string
  config: KubeConfig
  api: KubeApi
  /** Of the certificate authority, in PEM. */
  authority: string
  /** A token that may do everything. */
  token: string
  /** Ends the servers. */
  stop(): Promise<void>
}

/** Addresses of Services; the first is the API server's own. */
export const SERVICE_RANGE = '10.198.0.0/16'

/** As many requests as a test sends at once, where the default of 50 a second is made for a shared server. */
const QUERIES_PER_SECOND = 1000

// The components make certificates of their own, which nobody else knows yet when they are first asked.
const unverified = new Agent({ connect: { rejectUnauthorized: false } })
const askUnverified = (url: string) => fetch(url, { dispatcher: unverified } as RequestInit)

/** Starts etcd, API server, scheduler and controller manager, and waits until each answers. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const servers: StartedServer[] = []
  const stop = async () => {
    for (const server of servers.reverse()) await server.end()
  }
  try {
    const start = async (name: string, readyUrl: string, ...args: string[]) => {
      const command = join(options.bin, name)
      servers.push(await startServer({ ...tied(command, args), readyUrl, ask: askUnverified }))
    }
    const etcd = await startEtcd(options, start)
    const admin = await startApiServer(options, etcd, start)
    await Promise.all([
      startScheduler(options, admin, start),
      startControllers(options, admin, start),
    ])
    return { ...admin, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Start = (name: string, readyUrl: string, ...args: string[]) => Promise<void>
type Admin = Omit<ControlPlane, 'stop'>

async function startEtcd({ home }: ControlPlaneOptions, start: Start): Promise<string> {
  const url = `http://127.0.0.1:${await freePort()}`
  const peers = `http://127.0.0.1:${await freePort()}`
  await start(
    'etcd',
    `${url}/readyz`,
    `--data-dir=${join(home, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    // The data is gone with the test; waiting for the disk would be most of the start.
    '--unsafe-no-fsync',
    '--log-level=error',
  )
  return url
}

async function startApiServer(
  { home, address, hasRealNodes }: ControlPlaneOptions,
  etcd: string,
  start: Start,
): Promise<Admin> {
  const port = await freePort()
  const token = randomBytes(16).toString('hex')
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(join(home, 'tokens.csv'), `${token},admin,admin,system:masters\n`)
  await writeFile(keyFile(home), key.privateKey.export({ type: 'pkcs1', format: 'pem' }))
  await start(
    'kube-apiserver',
    `https://${address}:${port}/readyz`,
    `--etcd-servers=${etcd}`,
    `--bind-address=${address}`,
    `--advertise-address=${hasRealNodes ? address : TEST_NETWORK}`,
    `--endpoint-reconciler-type=${hasRealNodes ? 'lease' : 'none'}`,
    `--secure-port=${port}`,
    `--cert-dir=${home}`,
    `--token-auth-file=${join(home, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${keyFile(home)}`,
    `--service-account-signing-key-file=${keyFile(home)}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    '--kubelet-preferred-address-types=InternalIP',
  )
  const authority = await readFile(authorityFile(home), 'utf8')
  const kubeconfig = join(home, 'kubeconfig.yaml')
  const text = kubeconfigText(`https://${address}:${port}`, authority, token)
  await writeFile(kubeconfig, text)
  const config = new KubeConfig()
  config.loadFromString(text)
  return { kubeconfig, config, api: await KubeApi.open(config), authority, token }
}

/** Of RFC 5737: an address of the API server is asked for, and none that is real would be true. */
const TEST_NETWORK = '192.0.2.1'

async function startScheduler({ home }: ControlPlaneOptions, admin: Admin, start: Start) {
  const port = await freePort()
  const config = join(home, 'scheduler.yaml')
  await writeFile(
    config,
    stringify({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      leaderElection: { leaderElect: false },
      clientConnection: {
        kubeconfig: admin.kubeconfig,
        qps: QUERIES_PER_SECOND,
        burst: QUERIES_PER_SECOND,
      },
    }),
  )
  await start(
    'kube-scheduler',
    `https://127.0.0.1:${port}/readyz`,
    `--config=${config}`,
    ...servingOn(port),
  )
}

async function startControllers({ home }: ControlPlaneOptions, admin: Admin, start: Start) {
  const port = await freePort()
  await start(
    'kube-controller-manager',
    `https://127.0.0.1:${port}/healthz`,
    `--kubeconfig=${admin.kubeconfig}`,
    '--leader-elect=false',
    `--kube-api-qps=${QUERIES_PER_SECOND}`,
    `--kube-api-burst=${QUERIES_PER_SECOND}`,
    `--service-account-private-key-file=${keyFile(home)}`,
    `--root-ca-file=${authorityFile(home)}`,
    ...servingOn(port),
  )
}

/** Without a folder of its own a component's certificate stays in memory. */
const servingOn = (port: number): string[] => [
  `--secure-port=${port}`,
  '--bind-address=127.0.0.1',
  '--cert-dir=',
]

const keyFile = (home: string): string => join(home, 'service-account.key')
/** What the API server signs itself, with the authority that signed it. */
const authorityFile = (home: string): string => join(home, 'apiserver.crt')

export function kubeconfigText(server: string, authority: string, token: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: {
          server,
          'certificate-authority-data': Buffer.from(authority).toString('base64'),
        },
      },
    ],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  })
}
