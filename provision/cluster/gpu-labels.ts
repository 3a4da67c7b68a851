import type { V1Node } from '@kubernetes/client-node'
import { GPU_RESOURCE, knownGpus } from '../../infra/capacity/hardware/hardware.ts'
import { Failure } from '../../infra/failure.ts'

const PRODUCT = 'nvidia.com/gpu.product'
const MEMORY = 'nvidia.com/gpu.memory'
const COUNT = 'nvidia.com/gpu.count'

/** A variant of a product may have somewhat more than the one that is known, as the H100 NVL has. */
const AT_MOST = 1.25

/**
 * Labels of GPUs place models; where they say what is not so, a model would go to a GPU that cannot hold it, or
 * without a word to the CPU.
 * @throws Failure `misused` that names node and label
 */
export function requireHonestLabels(nodes: readonly V1Node[]): void {
  const lies = nodes.flatMap(lieOf)
  if (lies.length === 0) return
  throw new Failure('misused', lies.join('\n'), {
    mend: "let NVIDIA's GPU feature discovery write the labels, see that its device plugin runs on the node, or cordon the node",
  })
}

function lieOf({ metadata, status, spec }: V1Node): string[] {
  const { name = '', labels = {} } = metadata ?? {}
  if (spec?.unschedulable || labels[PRODUCT] === undefined) return []
  const says = (label: string) => `Node ${name} says ${label}=${labels[label]}`
  const memory = Number(labels[MEMORY])
  if (labels[MEMORY] !== undefined && !(memory > 0))
    return [`${says(MEMORY)}, which is no number of MiB`]

  const known = memoryOfProduct(labels[PRODUCT])
  if (known.length > 0 && memory > Math.max(...known) * AT_MOST) {
    return [`${says(MEMORY)}, but a ${labels[PRODUCT]} has ${known.join(' or ')} MiB`]
  }
  const resources = Object.keys(status?.allocatable ?? {}).filter(isGpuResource)
  const offered = resources.reduce((sum, key) => sum + Number(status?.allocatable?.[key]), 0)
  if (Number(labels[COUNT] ?? 0) > 0 && offered === 0) {
    return [`${says(COUNT)}, but offers no ${GPU_RESOURCE}`]
  }
  return []
}

const isGpuResource = (key: string) => key === GPU_RESOURCE || key.startsWith('nvidia.com/mig-')

/** MiB of the products of this name that are put into servers, none for an unknown one. */
const memoryOfProduct = (label: string): number[] =>
  knownGpus(label).flatMap(({ mib, offered }) => (offered ? [mib] : []))
