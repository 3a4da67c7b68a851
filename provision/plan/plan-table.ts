import Table from 'cli-table3'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import {
  describeAlternative,
  describeCaveats,
  describeData,
  describeVerdict,
} from '../../infra/capacity/verdict/verdict.ts'
import type { Resources } from '../../infra/capacity/workload.ts'
import { formatBytes } from '../../infra/units.ts'

/** The plan for a terminal: what each model and server takes, what each machine has left, the verdict. */
export function renderTable(plan: StackPlan): string {
  const sections = [
    modelTable(plan),
    serverTable(plan),
    nodeTable(plan),
    describeData(plan),
    ...describeCaveats(plan),
    describeVerdict(plan),
    ...alternativeLines(plan),
  ]
  return sections.join('\n')
}

function modelTable({ models }: StackPlan): string {
  const head = [
    'Model',
    'Context',
    'Weights',
    'KV cache',
    'Compute',
    'Other',
    'Reserved',
    'Resident',
  ]
  const rows = models.map(model => {
    const part = (...names: string[]) =>
      formatBytes(
        model.parts
          .filter(({ name }) => names.includes(name))
          .reduce((sum, { reserved }) => sum + reserved.host + reserved.gpu, 0),
      )
    const context =
      model.parallel === 1 ? `${model.contextLength}` : `${model.parallel} × ${model.contextLength}`
    return [
      model.name,
      context,
      part('weights'),
      part('kv'),
      part('compute'),
      part('checkpoints', 'output', 'inputs', 'process'),
      bothSides(model.reserved),
      bothSides(model.resident),
    ]
  })
  return table(head, rows)
}

function serverTable({ workloads }: StackPlan): string {
  const rows = workloads.map(({ name, requests, limits, node }) => [
    name,
    `${requests.cpu}`,
    formatBytes(limits.memory),
    gpusOf(requests),
    formatBytes(requests.disk),
    node ?? 'none',
  ])
  return table(['Server', 'CPU', 'Memory limit', 'GPU', 'Disk', 'Machine'], rows)
}

function nodeTable({ nodes }: StackPlan): string {
  const rows = nodes.map(({ name, cpu, memory, remaining, gpus, source }) => [
    name,
    `${cpu}`,
    formatBytes(memory),
    formatBytes(remaining.memory),
    gpus.length === 0 ? '–' : `${remaining.gpus.length} of ${gpus.length}`,
    remaining.disk === undefined ? '–' : formatBytes(remaining.disk),
    source,
  ])
  return table(['Machine', 'Cores', 'Memory', 'Left', 'GPUs left', 'Disk left', 'From'], rows)
}

function table(head: string[], rows: string[][]): string {
  const made = new Table({ head, style: { head: [], border: [] } })
  made.push(...rows)
  return made.toString()
}

/** `2 × 22.3 GiB` */
export const gpusOf = ({ gpu }: Resources): string =>
  gpu ? `${gpu.count} × ${formatBytes(gpu.memory)}` : '–'

/** `1.1 GiB + 12.0 GiB GPU` */
export const bothSides = ({ host, gpu }: { host: number; gpu: number }): string =>
  gpu === 0 ? formatBytes(host) : `${formatBytes(host)} + ${formatBytes(gpu)} GPU`

function alternativeLines({ alternatives }: StackPlan): string[] {
  if (alternatives.length === 0) return []
  const lines = alternatives.map(
    (alternative, index) => `  ${index + 1}. ${describeAlternative(alternative)}`,
  )
  return ['What would fit, cheapest first:', ...lines]
}
