import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
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

const ALLOWED =
  'a list of texts such as "memory=64GiB,cpu=16,gpu=L40S", or what kubectl get nodes,pods -A -o json prints'

async function readMachines(file: string, tenancy: Tenancy) {
  const documents = await readFile(file, 'utf8')
    .then(documentsOf)
    .catch(error => {
      throw new Failure('misused', `${file} cannot be read: ${reasonOf(error)}`, {
        mend: `write ${ALLOWED} into it`,
        cause: error,
      })
    })
  const [content] = documents
  if (Array.isArray(content) && content.length > 0 && content.every(isText)) {
    return { texts: content, listed: [] }
  }
  const objects = documents.flatMap(document => objectsOf(document))
  const items = (kind: string) => ({ items: objects.filter(object => kindOf(object) === kind) })
  const nodes = items('Node')
  if (nodes.items.length === 0) {
    throw new Failure('misused', `${file} lists no machines; allowed is ${ALLOWED}`)
  }
  return { texts: [], listed: nodesOfCluster(nodes, items('Pod'), tenancy) }
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** One document of JSON, or several of YAML. */
function documentsOf(text: string): unknown[] {
  if (/^\s*[[{]/.test(text)) {
    try {
      return [JSON.parse(text)]
    } catch {
      // YAML has such lists and objects too.
    }
  }
  return parseAllDocuments(text).map(document => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    return document.toJS() as unknown
  })
}

/** A Kubernetes object, as far as its kind can be told from it. */
interface KubeObject {
  kind?: string
  items?: unknown
  status?: { allocatable?: unknown } | null
  spec?: { containers?: unknown } | null
}

/** The objects of lists, however they lie in each other. @param kind of those that name none */
function objectsOf(content: unknown, kind?: string): KubeObject[] {
  if (Array.isArray(content)) return content.flatMap(each => objectsOf(each, kind))
  if (typeof content !== 'object' || content === null) return []
  const object = content as KubeObject
  if (object.items === undefined) return [kind === undefined ? object : { kind, ...object }]
  // The items of a NodeList, as the API itself gives it, do not say that they are Nodes.
  const ofItems = object.kind?.replace(/List$/, '')
  return objectsOf(object.items, ofItems === '' ? undefined : ofItems)
}

/** Of what names no kind, what only one of them has. */
function kindOf({ kind, status, spec }: KubeObject): string | undefined {
  if (kind !== undefined) return kind
  if (status?.allocatable !== undefined) return 'Node'
  return spec?.containers === undefined ? undefined : 'Pod'
}
