import { closest } from 'fastest-levenshtein'
import { z } from 'zod'
import { Failure } from '../../failure.ts'
import { MiB } from '../../units.ts'
import { parseBytes } from './quantity.ts'

/** A product, and MiB of its memory as the maker's own tools report them: the least that was seen. */
interface KnownGpu {
  mib: number
  /** GB a second that its memory gives, by the maker's data sheet: of the slowest form there is. */
  bandwidth: number
  /** Such as are put into servers: they are offered where a stack does not fit. */
  offered?: true
  /** Another maker's than NVIDIA. */
  resource?: string
}

/** From the smallest on. */
export const KNOWN_GPUS: Record<string, KnownGpu> = {
  'RTX 4060': { mib: 8188, bandwidth: 272 },
  'RTX 3080': { mib: 10_240, bandwidth: 760 },
  'RTX 4070': { mib: 12_282, bandwidth: 504 },
  'RTX 3060': { mib: 12_288, bandwidth: 360 },
  T4: { mib: 15_360, bandwidth: 320, offered: true },
  'V100 16GB': { mib: 16_160, bandwidth: 900 },
  'RTX 5070 Ti': { mib: 16_303, bandwidth: 896 },
  'RTX 5080': { mib: 16_303, bandwidth: 960 },
  'RTX 4080': { mib: 16_376, bandwidth: 717 },
  A10: { mib: 23_028, bandwidth: 600 },
  A10G: { mib: 23_028, bandwidth: 600, offered: true },
  L4: { mib: 23_034, bandwidth: 300, offered: true },
  'RTX 4090': { mib: 24_564, bandwidth: 1008, offered: true },
  'RTX 3090': { mib: 24_576, bandwidth: 936 },
  'V100 32GB': { mib: 32_480, bandwidth: 900 },
  'RTX 5090': { mib: 32_607, bandwidth: 1792 },
  'A100 40GB': { mib: 40_960, bandwidth: 1555, offered: true },
  A40: { mib: 46_068, bandwidth: 696 },
  'RTX A6000': { mib: 46_068, bandwidth: 768 },
  'RTX 6000 Ada': { mib: 46_068, bandwidth: 960 },
  L40S: { mib: 46_068, bandwidth: 864, offered: true },
  H100: { mib: 81_559, bandwidth: 2000, offered: true },
  'A100 80GB': { mib: 81_920, bandwidth: 1935, offered: true },
  'H100 NVL': { mib: 95_830, bandwidth: 3938 },
  H200: { mib: 143_771, bandwidth: 4800, offered: true },
  B200: { mib: 183_359, bandwidth: 7700, offered: true },
  MI300X: { mib: 196_592, bandwidth: 5300, resource: 'amd.com/gpu' },
}

/**
 * What is known of a product as tools and labels write it, the closest first: an `NVIDIA-A100-SXM4-80GB` is an A100 80GB.
 */
export function knownGpus(product: string): KnownGpu[] {
  const words = product.toUpperCase().split(/[^A-Z0-9]+/)
  const found = Object.entries(KNOWN_GPUS)
    .map(([name, gpu]) => ({ gpu, parts: name.toUpperCase().split(' ') }))
    .filter(({ parts }) => parts.every(part => words.includes(part)))
  return found.sort((a, b) => b.parts.length - a.parts.length).map(({ gpu }) => gpu)
}

/** MiB of those that are put into servers. */
export const SERVER_GPUS: Record<string, number> = Object.fromEntries(
  Object.entries(KNOWN_GPUS).flatMap(([product, { mib, offered }]) =>
    offered ? [[product, mib]] : [],
  ),
)

/** Share of the reported memory that CUDA does not hand out: 95.59 against 94.97 GiB in ollama#18201. */
const GPU_RESERVE = 0.0065

/** What of a card is handed out, and how a cluster can be told to hand out just such. */
export const GpuPart = z.object({
  /**
   * Absent for a whole card. `slice`: of MIG. `time-share`: a turn on a card, all of whose memory it may touch, as may
   * those who have the other turns. `mps-share`: an equal share of its memory. A process can use one slice, and two
   * shares may be of one card, so a model is never spread over several.
   */
  part: z.enum(['slice', 'time-share', 'mps-share']).optional(),
  /** Into how many an `mps-share`'s card is divided. */
  shares: z.int().positive().optional(),
  /** The labels of its node say no memory: that is the one of the settings. */
  unlabelled: z.literal(true).optional(),
  /** The labels of its node say into how many shares a card is divided, if only into one. */
  counted: z.literal(true).optional(),
})
export type GpuPart = z.infer<typeof GpuPart>

export const Gpu = z.object({
  product: z.string().min(1),
  /** Bytes that can be allocated. */
  memory: z.int().positive(),
  /** The Kubernetes resource that counts it: `nvidia.com/gpu`, or a MIG slice's. */
  resource: z.string().min(1),
  /** By which a machine's own tools tell it from another; absent where nobody asked them. */
  uuid: z.string().min(1).optional(),
  /** Without flash attention: of compute capability below 7, or of 7.2. */
  old: z.literal(true).optional(),
  ...GpuPart.shape,
})
export type Gpu = z.infer<typeof Gpu>

/** Where Ollama has no flash attention: FlashAttentionSupported in its ml/device.go, 0.17.4 and 0.32.15. */
export const isOld = (capability: string | undefined): boolean =>
  Number(capability) < 7 || Number(capability) === 7.2

/** A machine that workloads can be put on, with what is free on it, in cores and bytes. */
export const Node = z.object({
  name: z.string().min(1),
  cpu: z.number().nonnegative(),
  memory: z.int().nonnegative(),
  /** Pods that it takes beside those that are there; absent outside of clusters. */
  pods: z.int().nonnegative().optional(),
  /** Absent where volumes are made elsewhere, by a cluster's storage class. */
  disk: z.int().positive().optional(),
  gpus: z.array(Gpu),
  /** It takes only what asks for one of its GPUs, as nodes with NVIDIA's taint do. */
  gpuOnly: z.boolean().optional(),
  /** Those that decide where pods go; absent outside of clusters. */
  labels: z.record(z.string(), z.string()).optional(),
  /** Why nothing of the stack can be put here: `runs windows`. It has none of its room then. */
  closed: z.string().optional(),
  /** GPUs of it that are not planned with, and what would have to be there. */
  notPlanned: z.array(z.string()).optional(),
  /** Where the figures come from. */
  source: z.string(),
  /** What one such machine costs a month, and in which currency where that is said: `EUR`. */
  monthlyCost: z.number().nonnegative().optional(),
  currency: z.string().optional(),
  /** A pool that can scale from zero: machines like this that may be added. */
  template: z.object({ max: z.int().positive() }).optional(),
})
export type Node = z.infer<typeof Node>

/**
 * The machines that something can be put on.
 * @throws Failure `unavailable` when there are some, and all are closed
 */
export function openNodes(nodes: readonly Node[]): Node[] {
  const open = nodes.filter(({ closed }) => closed === undefined)
  if (open.length > 0 || nodes.length === 0) return open
  const why = nodes.map(({ name, closed }) => `${name} ${closed}`)
  throw new Failure('unavailable', `The cluster has no node that takes pods: ${why.join('; ')}`, {
    mend: 'kubectl get nodes',
  })
}

export const GPU_RESOURCE = 'nvidia.com/gpu'

/** Memory that a GPU of `reported` bytes can be filled with. */
export const usableGpuMemory = (reported: number): number =>
  Math.floor(reported * (1 - GPU_RESERVE))

/** The least memory that a GPU must report so that `usable` bytes can be filled. */
export const reportedGpuMemory = (usable: number): number => usable / (1 - GPU_RESERVE)

/** What is free on a machine nobody described further: disk is not what a plan for memory is about. */
const UNSTATED_DISK = '1TiB'
const UNSTATED_CPU = '8'

const KEYS = ['name', 'memory', 'cpu', 'disk', 'gpu', 'cost', 'max']

/**
 * A machine from a `--node` flag: `name=gpu-1,memory=64GiB,cpu=16,disk=500GiB,gpu=2xL40S,cost=700,max=3`.
 * A GPU is a known product or its memory (`gpu=48GiB`); a cost may name its currency (`cost=700EUR`); `max` makes it a pool that scales from zero.
 * @throws Failure for an unknown key, a number without unit, an unknown GPU
 */
export function parseNode(text: string, index: number): Node {
  const values = new Map<string, string>()
  for (const item of text.split(',').filter(item => item.trim() !== '')) {
    const [key = '', value = ''] = item.split('=').map(side => side.trim())
    if (!KEYS.includes(key) || value === '') {
      throw new Failure('misused', `--node has "${item}"; allowed are ${KEYS.join('=…, ')}=…`)
    }
    values.set(key, value)
  }
  const memory = values.get('memory')
  if (memory === undefined) {
    throw new Failure('misused', `--node "${text}" says no memory`, {
      mend: '--node memory=64GiB,cpu=16',
    })
  }
  const max = values.get('max')
  const cost = values.get('cost')
  return {
    name: values.get('name') ?? `node-${index + 1}`,
    cpu: parseNumber('cpu', values.get('cpu') ?? UNSTATED_CPU),
    memory: parseBytes('--node memory', memory),
    disk: parseBytes('--node disk', values.get('disk') ?? UNSTATED_DISK),
    gpus: parseGpus(values.get('gpu')),
    source: '--node',
    ...(cost === undefined ? {} : parseCost(cost)),
    ...(max === undefined ? {} : { template: { max: parseWhole('max', max) } }),
  }
}

/** @param text `L40S`, `2xL40S`, `48GiB`, `2x48GiB` */
function parseGpus(text: string | undefined): Gpu[] {
  if (text === undefined) return []
  const [, count = '1', kind = ''] = /^(?:(\d+)x)?(.+)$/.exec(text) ?? []
  const known = Object.keys(KNOWN_GPUS).find(name => plain(name) === plain(kind))
  if (known === undefined && !/^\d+(\.\d+)?\s*[kmgt]i?b$/i.test(kind)) {
    const names = Object.keys(KNOWN_GPUS)
    throw new Failure(
      'misused',
      `--node gpu is "${text}"; did you mean ${likeliest(kind, names)}? Known are ${names.join(', ')}; its memory can be given too, as in 48GiB`,
    )
  }
  const { mib, resource = GPU_RESOURCE } = KNOWN_GPUS[known ?? ''] ?? {}
  const memory = mib === undefined ? parseBytes('--node gpu', kind) : mib * MiB
  const gpu = { product: known ?? kind, memory: usableGpuMemory(memory), resource }
  return Array.from({ length: parseWhole('gpu count', count) }, () => gpu)
}

/** `NVIDIA GeForce RTX-4090`, `RTX 4090` and `4090` are one. */
const plain = (product: string): string =>
  product.toLowerCase().replace(/nvidia|geforce|tesla|amd|instinct|rtx|[^a-z0-9]/g, '')

/** One that begins as what was typed, or else the one with the fewest letters to change. */
function likeliest(typed: string, names: readonly string[]): string {
  const begun = names.find(name => plain(name).startsWith(plain(typed)))
  return begun ?? names.find(name => plain(name) === closest(plain(typed), names.map(plain)))!
}

/** @param text `700`, `700EUR`, `700 EUR`, `EUR 700` */
function parseCost(text: string): Pick<Node, 'monthlyCost' | 'currency'> {
  const [, currency] = /([A-Z]{3})/.exec(text) ?? []
  const amount = currency === undefined ? text : text.replace(currency, '').trim()
  return { monthlyCost: parseNumber('cost', amount), ...(currency && { currency }) }
}

function parseNumber(key: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  const allowed =
    key === 'cost' ? 'a number above 0, and a currency such as EUR' : 'a number above 0'
  throw new Failure('misused', `--node ${key} is "${text}"; allowed is ${allowed}`)
}

function parseWhole(key: string, text: string): number {
  const value = parseNumber(key, text)
  if (Number.isInteger(value) && value <= 10_000) return value
  throw new Failure('misused', `--node ${key} is "${text}"; allowed is a whole number up to 10000`)
}
