import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { nodesOfCluster } from '../../infra/capacity/cluster.ts'
import { type Node, parseNode } from '../../infra/capacity/hardware.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { PROJECT } from '../../infra/project.ts'
import { seconds } from '../../infra/units.ts'
import { runCommand } from '../toolchain/command.ts'

/** Which machines a plan is for; this one when nothing is said. */
export interface MachineFlags {
  /** One text for each, as parseNode takes it. */
  node?: string[]
  /** A YAML or JSON file with a list of such texts. */
  nodes?: string
  /** The cluster that kubectl talks to. */
  cluster?: boolean
}

const KUBECTL_TIMEOUT = seconds(30)

/**
 * The machines that are described, in a file or on the command line, or found in a cluster.
 * @returns undefined where nothing is described: the plan is for this machine
 * @throws Failure for a description that is none, an empty list, a cluster that does not answer
 */
export async function describedMachines(flags: MachineFlags): Promise<Node[] | undefined> {
  const { node = [], nodes, cluster } = flags
  if (cluster) return clusterNodes()
  if (node.length === 0 && nodes === undefined) return undefined
  const listed = nodes === undefined ? [] : await readList(nodes)
  return [...listed, ...node].map(parseNode)
}

async function readList(file: string): Promise<string[]> {
  const example = `a list of texts such as "memory=64GiB,cpu=16,gpu=L40S"`
  const content = await readFile(file, 'utf8')
    .then(text => parse(text) as unknown)
    .catch(error => {
      throw new Failure('misused', `${file} cannot be read: ${reasonOf(error)}`, {
        mend: `write ${example} into it`,
        cause: error,
      })
    })
  if (Array.isArray(content) && content.length > 0 && content.every(isText)) return content
  throw new Failure('misused', `${file} lists no machines; allowed is ${example}`)
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** kubectl repeats itself; its last line says it for people. */
function unreadable(error: unknown): never {
  const why = reasonOf(error).trim().split('\n').at(-1)
  throw new Failure('unavailable', `The cluster cannot be read: ${why}`, {
    mend: 'kubectl cluster-info',
    cause: error,
  })
}

async function clusterNodes(): Promise<Node[]> {
  const read = async (...what: string[]): Promise<unknown> => {
    const options = { env: process.env, signal: AbortSignal.timeout(KUBECTL_TIMEOUT) }
    const command = ['kubectl', 'get', ...what, '-o', 'json']
    return JSON.parse(await runCommand(command, options).catch(unreadable))
  }
  const [nodes, pods] = await Promise.all([read('nodes'), read('pods', '--all-namespaces')])
  return nodesOfCluster(nodes, pods, PROJECT)
}
