import type * as pulumi from '@pulumi/pulumi'
import type { Share } from '../capacity/workload.ts'
import type { MadeSecrets } from '../resources.ts'
import type { ImageReferences } from '../settings/image-settings.ts'
import type { Settings } from '../settings/parse-settings.ts'

/**
 * A server, whatever runs it: infra/docker makes a container of it and infra/kubernetes a container of a pod. Paths
 * are those within the container, ports those of its network namespace.
 */
export interface ServerSpec {
  /** The name that its container has within a pod. */
  name: string
  image: pulumi.Input<string>
  /** The whole command, in place of the image's entrypoint. */
  command?: readonly string[]
  /** What runs the image's program in place of the image's entrypoint. */
  script?: EntryScript
  /** Arguments of the entrypoint, or of the script. */
  args?: string[]
  /** Of its variables PROXY_VARIABLE may hold a password. */
  environment?: Record<string, string>
  files?: ServerFile[]
  /** The folder of its volume: what must not be lost. */
  dataFolder?: string
  /** The port that others reach it at; absent where it listens on loopback, behind its auth proxy. */
  port?: number
  probe?: Probe
  /** Seconds that it is given to end what is under way. */
  grace?: number
  /** The image's own user and group, as a number; absent where that is root. A pod has a user of its own. */
  user?: string
  /** Absent where no plan could be made and the stack deploys all the same. */
  share: Share | undefined
}

/** A POSIX shell script, and the arguments that come before those of the server. */
export interface EntryScript {
  name: string
  text: string
  args: string[]
}

export interface ServerFile {
  path: string
  content: pulumi.Input<string>
  /** The environment variable that tells the server its path. */
  variable?: string
}

/** How the health of a server is known: by paths that answer 200 without a token. */
export interface Probe {
  /** Where requests come in: the server's own, or that of its auth proxy where it listens on loopback. */
  port: number
  /**
   * The server's own, where it listens on loopback: whether it is up and lives is asked there, from within its
   * container, so that it is not started again for a fault of its auth proxy.
   */
  loopbackPort?: number
  /** Answers once the server is up, within so many seconds, asked every 10 unless said otherwise. */
  startup?: { path: string; within: number; every?: number }
  /** Answers as long as requests may be sent. */
  ready?: string
  /** Answers as long as the server need not be started again. */
  live?: string
  /** Seconds that one is given to end that does not answer there; what its whole pod is given when absent. */
  hungGrace?: number
}

/** A server with data that listens on loopback, and the auth proxy that shares its network namespace. */
export interface GuardedServer {
  server: ServerSpec & { dataFolder: string; probe: Probe; grace: number }
  authProxy: ServerSpec & { port: number; files: ServerFile[]; probe: { live: string } }
  /** A folder in memory that the server writes to and its auth proxy reads. */
  sharedMemory?: string
}

/** The ports of a guarded server. */
export interface GuardedPorts {
  /** The server's, on loopback. */
  server: number
  /** The auth proxy's, where others come in. */
  proxy: number
}

/** What the descriptions of all servers are made from. */
export interface SpecArgs {
  settings: Settings
  images: Record<keyof ImageReferences, pulumi.Input<string>>
  /** What the auth proxies ask for. */
  tokens: pulumi.Output<MadeSecrets['tokens']>
}
