import { z } from 'zod'
import { mayBePulledFrom, NEVER_PULLED_FROM } from '../egress/known-ranges.ts'

export const LABEL = 'lower-case letters, digits and dashes, at most 63'

/** A DNS label: the names of namespaces and of what is in them (RFC 1123). */
export const Label = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, LABEL)
const Count = z.int().min(1).max(100)

/** A range that the cluster's autoscaler chooses a replica count from, by the CPU that the pods use. */
const Scale = z
  .strictObject({ min: Count, max: Count, cpuPercent: z.int().min(1).max(1000).default(80) })
  .refine(({ min, max }) => min <= max, 'min must not be above max')
export type Scale = z.infer<typeof Scale>

const Toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
})

/** What the images of Chroma, Ollama and the auth proxy are made for. */
const ARCHITECTURES = ['amd64', 'arm64'] as const

/** The taint that GPU nodes carry by NVIDIA's own advice. */
const GPU_TAINT = [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] as const

const Gpu = z.strictObject({
  products: z
    .array(z.string().min(1))
    .default([])
    .describe('Values of the label nvidia.com/gpu.product that may be used; any when empty'),
  runtimeClass: z.string().default(''),
  memory: z
    .string()
    .regex(/^(\d+(\.\d+)?(MiB|GiB|Mi|Gi))?$/, 'memory with its unit, as in 24GiB')
    .default('')
    .describe(
      'Of each GPU whose node says none, where GPU feature discovery does not run: `24GiB`, as nvidia-smi shows it',
    ),
  tolerations: z.array(Toleration).default([...GPU_TAINT]),
})

const Ingress = z.strictObject({
  host: z.string().min(1),
  className: z.string().default(''),
  tlsSecret: z
    .string()
    .min(1)
    .describe('Secret of the namespace with the certificate; TLS is not optional'),
  annotations: z.record(z.string(), z.string()).default({}),
})
export type IngressSettings = z.infer<typeof Ingress>

const Cidr = z.union([z.cidrv4(), z.cidrv6()], 'a range such as 10.0.0.0/16')
export const PullRange = Cidr.refine(
  range => !range.includes('/') || mayBePulledFrom(range),
  `a range without link-local, loopback, multicast or metadata of a cloud: ${NEVER_PULLED_FROM.join(', ')}`,
)

/** What only a cluster is asked: the setting `kubernetes`. */
export const Kubernetes = z.strictObject({
  context: z.string().default('').describe('Of the kubeconfig; its current one when empty'),
  namespace: Label.or(z.literal('')).default('').describe('`knowledge-stack-<stack>` when empty'),
  sharedNamespace: z
    .boolean()
    .default(false)
    .describe(
      'Use a namespace that is there already and that others may use too; it is neither changed nor deleted',
    ),
  nodes: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Machines that are planned with, as `npm run plan -- --node` takes them; those of the cluster when empty',
    ),
  architectures: z
    .array(z.enum(ARCHITECTURES))
    .min(1)
    .default([...ARCHITECTURES])
    .describe('Of machines, as Kubernetes names them: those that all images of the stack are for'),
  storageClass: z.string().default('').describe("The cluster's default when empty"),
  replicas: z.strictObject({ api: Count.default(2), ollama: Count.default(1) }).prefault({}),
  autoscaling: z
    .strictObject({ api: Scale.optional(), ollama: Scale.optional() })
    .default({})
    .describe('Absent: the counts above'),
  gpu: Gpu.prefault({}),
  clients: z
    .array(Label)
    .default([])
    .describe(
      "Namespaces beside the stack's own whose pods may open connections to the auth proxies of Chroma and Ollama",
    ),
  pullFrom: z
    .array(PullRange)
    .default([])
    .describe(
      'Private ranges that models are pulled from, or a proxy to them is in: `10.0.0.7/32`. Policies let Ollama out to public addresses, to these, and to a `modelMirror` or `httpsProxy` that is named by its address',
    ),
  clusterRanges: z
    .array(Cidr)
    .default([])
    .describe(
      'Ranges of the pods, Services and nodes that are not private ones: policies do not let Ollama out to these either',
    ),
  ingress: Ingress.optional(),
  monitoring: z
    .strictObject({
      serviceMonitor: z.boolean().default(false),
      dashboard: z.boolean().default(false),
    })
    .prefault({}),
  verification: z
    .boolean()
    .default(true)
    .describe('Whether a Job verifies each update from inside'),
  imagePullSecrets: z
    .array(z.string().min(1))
    .default([])
    .describe('Secrets of the namespace that the registries of the images want'),
})
export type KubernetesSettings = z.infer<typeof Kubernetes>
