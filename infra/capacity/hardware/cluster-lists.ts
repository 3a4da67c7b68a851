import { z } from 'zod'
import { Failure } from '../../failure.ts'

const Quantities = z.record(z.string(), z.string()).default({})

const Taint = z.object({ key: z.string(), value: z.string().optional(), effect: z.string() })
export type Taint = z.infer<typeof Taint>

/** Nodes as `kubectl get nodes -o json` has them, as far as a plan needs them. */
export const NodeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
      }),
      spec: z
        .object({ unschedulable: z.boolean().default(false), taints: z.array(Taint).default([]) })
        .prefault({}),
      status: z.object({
        allocatable: Quantities,
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
})
export type ListedNode = z.infer<typeof NodeList>['items'][number]

const Requests = z.object({ requests: Quantities }).prefault({})

export type ListedContainer = z.infer<typeof ListedContainer>
const ListedContainer = z.object({
  name: z.string().optional(),
  resources: Requests,
  /** `Always` on an init container that goes on running beside the others. */
  restartPolicy: z.string().optional(),
})

/** What a container has now, where it was resized or is being so. */
const ContainerStatus = z.object({
  name: z.string().optional(),
  allocatedResources: Quantities,
  resources: Requests,
})

/** Pods as `kubectl get pods -o json` has them, as far as what they hold is needed. */
export const PodList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string() }),
      spec: z.object({
        nodeName: z.string().optional(),
        containers: z.array(ListedContainer),
        initContainers: z.array(ListedContainer).default([]),
        overhead: Quantities,
        /** Of the pod as a whole, in place of what its containers say. */
        resources: Requests,
        /** Devices that a driver of dynamic resource allocation hands out. */
        resourceClaims: z.array(z.unknown()).default([]),
      }),
      status: z
        .object({
          phase: z.string().optional(),
          containerStatuses: z.array(ContainerStatus).default([]),
          initContainerStatuses: z.array(ContainerStatus).default([]),
        })
        .prefault({}),
    }),
  ),
})
export type ListedPod = z.infer<typeof PodList>['items'][number]

/** @throws Failure for what is no such list, with the command that prints one */
export function readList<Content>(
  schema: z.ZodType<Content>,
  value: unknown,
  what: string,
): Content {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new Failure('misused', `That is not a list of ${what}: ${path.join('.')}: ${message}`, {
    mend: `kubectl get ${what} -o json`,
  })
}
