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
      status: z.object({ allocatable: Quantities }),
    }),
  ),
})

export type ListedContainer = z.infer<typeof ListedContainer>
const ListedContainer = z.object({
  resources: z.object({ requests: Quantities }).prefault({}),
  /** `Always` on an init container that goes on running beside the others. */
  restartPolicy: z.string().optional(),
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
      }),
      status: z.object({ phase: z.string().optional() }).prefault({}),
    }),
  ),
})
export type PodSpec = z.infer<typeof PodList>['items'][number]['spec']

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
