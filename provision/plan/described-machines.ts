import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { nodesOfCluster, type Tenancy } from '../../infra/capacity/hardware/cluster-nodes.ts'
import { type Node, parseNode } from '../../infra/capacity/hardware/hardware.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { freeNodes } from '../cluster/nodes-to-plan.ts'

/** Which machines a plan is for; those of the stack's target when nothing is said. */
export interface MachineFlags {
  /** One text for each, as parseNode takes it. */
  node?: string[]
  /** A YAML or JSON file: a list of such texts, or what kubectl prints of nodes and pods. */
  nodes?: string
  /** The cluster of the kubeconfig, or of the stack's `kubernetes.context`. */
  cluster?: boolean
}

/**
 * The machines that are described on the command line, in a file, and found in a cluster, together.
 * @returns undefined where nothing is described
 * @throws Failure for a description that is none, an empty list, a cluster that does not answer
 */
export async function describedMachines(
  { node = [], nodes, cluster }: MachineFlags,
  settings: Settings,
): Promise<Node[] | undefined> {
  if (node.length === 0 && nodes === undefined && !cluster) return undefined
  const found = cluster ? await freeNodes(settings) : []
  const { texts, listed } =
    nodes === undefined ? { texts: [], listed: [] } : await readMachines(nodes, settings.kubernetes)
  return [...found, ...listed, ...[...texts, ...node].map(parseNode)]
}

async function readMachines(file: string, tenancy: Tenancy) {
  const allowed =
    'a list of texts such as "memory=64GiB,cpu=16,gpu=L40S", or what kubectl get nodes,pods -A -o json prints'
  const content = await readFile(file, 'utf8')
    .then(text => parse(text) as unknown)
    .catch(error => {
      throw new Failure('misused', `${file} cannot be read: ${reasonOf(error)}`, {
        mend: `write ${allowed} into it`,
        cause: error,
      })
    })
  if (Array.isArray(content) && content.length > 0 && content.every(isText)) {
    return { texts: content, listed: [] }
  }
  const objects = objectsOf(content)
  if (objects === undefined) {
    throw new Failure('misused', `${file} lists no machines; allowed is ${allowed}`)
  }
  const items = (kind: string) => ({ items: objects.filter(object => object.kind === kind) })
  return { texts: [], listed: nodesOfCluster(items('Node'), items('Pod'), tenancy) }
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** The objects of a Kubernetes list. */
function objectsOf(content: unknown): { kind?: string }[] | undefined {
  const items = (content as { items?: unknown } | null)?.items
  return Array.isArray(items) ? items : undefined
}
