import { z } from 'zod'

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

/** The taint that GPU nodes carry by NVIDIA's own advice. */
const GPU_TAINT = [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] as const

const Gpu = z.strictObject({
  /** Values of the label nvidia.com/gpu.product that may be used; any when empty. */
  products: z.array(z.string().min(1)).default([]),
  runtimeClass: z.string().default(''),
  tolerations: z.array(Toleration).default([...GPU_TAINT]),
})

const Ingress = z.strictObject({
  host: z.string().min(1),
  className: z.string().default(''),
  /** Secret of the namespace with the certificate; TLS is not optional. */
  tlsSecret: z.string().min(1),
  annotations: z.record(z.string(), z.string()).default({}),
})
export type IngressSettings = z.infer<typeof Ingress>

/** What only a cluster is asked: the setting `kubernetes`. */
export const Kubernetes = z.strictObject({
  /** Of the kubeconfig; its current one when empty. */
  context: z.string().default(''),
  /** `knowledge-stack-<stack>` when empty. */
  namespace: Label.or(z.literal('')).default(''),
  /** Use a namespace that is there already and that others may use too; it is neither changed nor deleted. */
  sharedNamespace: z.boolean().default(false),
  /** Machines that are planned with, as `npm run plan -- --node` takes them; those of the cluster when empty. */
  nodes: z.array(z.string().min(1)).default([]),
  /** The cluster's default when empty. */
  storageClass: z.string().default(''),
  replicas: z.strictObject({ api: Count.default(2), ollama: Count.default(1) }).prefault({}),
  /** Absent: the counts above. */
  autoscaling: z.strictObject({ api: Scale.optional(), ollama: Scale.optional() }).default({}),
  gpu: Gpu.prefault({}),
  /** Namespaces beside the stack's own whose pods may open connections to the auth proxies of Chroma and Ollama. */
  clients: z.array(Label).default([]),
  ingress: Ingress.optional(),
  monitoring: z
    .strictObject({
      serviceMonitor: z.boolean().default(false),
      dashboard: z.boolean().default(false),
    })
    .prefault({}),
  /** Whether a Job verifies each update from inside. */
  verification: z.boolean().default(true),
  /** Secrets of the namespace that the registries of the images want. */
  imagePullSecrets: z.array(z.string().min(1)).default([]),
})
export type KubernetesSettings = z.infer<typeof Kubernetes>
