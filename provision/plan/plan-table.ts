import Table from 'cli-table3'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import {
  describeAlternative,
  describeCaveats,
  describeData,
  describeVerdict,
} from '../../infra/capacity/verdict/verdict.ts'
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
  const table = new Table({
    head: ['Model', 'Context', 'Weights', 'KV cache', 'Compute', 'Other', 'Reserved', 'Resident'],
    style: { head: [], border: [] },
  })
  for (const model of models) {
    const part = (...names: string[]) =>
      formatBytes(
        model.parts
          .filter(({ name }) => names.includes(name))
          .reduce((sum, { reserved }) => sum + reserved.host + reserved.gpu, 0),
      )
    const context =
      model.parallel === 1 ? `${model.contextLength}` : `${model.parallel} × ${model.contextLength}`
    table.push([
      model.name,
      context,
      part('weights'),
      part('kv'),
      part('compute'),
      part('output', 'inputs', 'process'),
      bothSides(model.reserved),
      bothSides(model.resident),
    ])
  }
  return table.toString()
}

function serverTable({ workloads }: StackPlan): string {
  const table = new Table({
    head: ['Server', 'CPU', 'Memory limit', 'GPU', 'Disk', 'Machine'],
    style: { head: [], border: [] },
  })
  for (const { name, requests, limits, node } of workloads) {
    const gpu = requests.gpu ? `${requests.gpu.count} × ${formatBytes(requests.gpu.memory)}` : '–'
    table.push([
      name,
      `${requests.cpu}`,
      formatBytes(limits.memory),
      gpu,
      formatBytes(requests.disk),
      node ?? 'none',
    ])
  }
  return table.toString()
}

function nodeTable({ nodes }: StackPlan): string {
  const table = new Table({
    head: ['Machine', 'Cores', 'Memory', 'Left', 'GPUs left', 'Disk left', 'From'],
    style: { head: [], border: [] },
  })
  for (const { name, cpu, memory, remaining, gpus, source } of nodes) {
    table.push([
      name,
      `${cpu}`,
      formatBytes(memory),
      formatBytes(remaining.memory),
      gpus.length === 0 ? '–' : `${remaining.gpus.length} of ${gpus.length}`,
      remaining.disk === undefined ? '–' : formatBytes(remaining.disk),
      source,
    ])
  }
  return table.toString()
}

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
