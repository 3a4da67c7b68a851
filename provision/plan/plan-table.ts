import { fold, terminalWidth, textTable } from '../../checks/text-table.ts'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import {
  describeAlternative,
  describeCaveats,
  describeData,
  describeVerdict,
} from '../../infra/capacity/verdict/verdict.ts'
import type { Resources } from '../../infra/capacity/workload.ts'
import { formatBytes } from '../../infra/units.ts'

/**
 * The plan for a terminal: what each model and server takes, what each machine has left, the verdict.
 * @param width columns of the terminal
 */
export function renderTable(plan: StackPlan, width = terminalWidth(Infinity)): string {
  const tables = [modelTable(plan), serverTable(plan), nodeTable(plan)]
  const lines = [
    describeData(plan),
    ...describeCaveats(plan),
    describeVerdict(plan),
    ...alternativeLines(plan),
  ]
  return [
    ...tables.map(({ head, rows }) => `${textTable(head, rows, width)}\n`),
    ...lines.map(line => fold(line, width)),
  ].join('\n')
}

interface Cells {
  head: string[]
  rows: string[][]
}

function modelTable({ models }: StackPlan): Cells {
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
  return { head, rows }
}

function serverTable({ workloads }: StackPlan): Cells {
  const rows = workloads.map(({ name, requests, limits, node }) => [
    name,
    `${requests.cpu}`,
    formatBytes(limits.memory),
    gpusOf(requests),
    formatBytes(requests.disk),
    node ?? 'none',
  ])
  return { head: ['Server', 'CPU', 'Memory limit', 'GPU', 'Disk', 'Machine'], rows }
}

function nodeTable({ nodes }: StackPlan): Cells {
  const rows = nodes.map(({ name, cpu, memory, remaining, gpus, source }) => [
    name,
    `${cpu}`,
    formatBytes(memory),
    formatBytes(remaining.memory),
    gpus.length === 0 ? '–' : `${remaining.gpus.length} of ${gpus.length}`,
    remaining.disk === undefined ? '–' : formatBytes(remaining.disk),
    source,
  ])
  return { head: ['Machine', 'Cores', 'Memory', 'Left', 'GPUs left', 'Disk left', 'From'], rows }
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
