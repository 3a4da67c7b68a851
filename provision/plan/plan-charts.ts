import type { ChartConfiguration } from 'chart.js'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import { GiB } from '../../infra/units.ts'

/** A chart as Chart.js takes it, in plain data, so that it can stand in a page as JSON. */
export interface Chart {
  title: string
  config: ChartConfiguration
}

const COLORS = ['#2f6f9f', '#e08b3a', '#5b9e5f', '#9a6bb0', '#b0514a', '#7d7d7d']
const AXIS = 'GiB'

/** What each part takes, what each machine and each GPU has left, and memory against context length. */
export function chartsOf(plan: StackPlan): Chart[] {
  const hasGpus = plan.nodes.some(({ gpus }) => gpus.length > 0)
  return [
    partsChart(plan),
    machinesChart(plan),
    ...(hasGpus ? [gpusChart(plan)] : []),
    contextChart(plan),
  ]
}

function partsChart({ models }: StackPlan): Chart {
  const names = [...new Set(models.flatMap(({ parts }) => parts.map(({ name }) => name)))]
  const sides = [
    ['host', 'memory'],
    ['gpu', 'GPU'],
  ] as const
  const bars = models.flatMap(model =>
    sides
      .filter(([side]) => model.reserved[side] > 0)
      .map(([side, label]) => ({ label: `${model.name}, ${label}`, parts: model.parts, side })),
  )
  const datasets = names.map((name, index) => ({
    label: name,
    data: bars.map(({ parts, side }) =>
      inGiB(parts.find(part => part.name === name)?.reserved[side] ?? 0),
    ),
    backgroundColor: COLORS[index % COLORS.length]!,
  }))
  return {
    title: 'What each model reserves, by part',
    config: stackedBars(
      bars.map(({ label }) => label),
      datasets,
    ),
  }
}

/** What no machine has room for stands in a bar of its own. */
function machinesChart({ nodes, workloads }: StackPlan): Chart {
  const homeless = workloads.some(({ node }) => node === undefined)
  const places = [...nodes.map(({ name }) => name), ...(homeless ? [undefined] : [])]
  const servers = workloads.map(({ name, node, requests }, index) => ({
    label: name,
    data: places.map(place => (place === node ? inGiB(requests.memory) : 0)),
    backgroundColor: COLORS[index % COLORS.length]!,
  }))
  return {
    title: 'What each machine has left of its memory',
    config: stackedBars(
      places.map(place => place ?? 'no machine'),
      [...servers, leftOf(nodes.map(({ remaining }) => remaining.memory))],
    ),
  }
}

/** The GPUs of each machine, those in use first. */
function gpusChart({ nodes, workloads }: StackPlan): Chart {
  const cards = nodes.flatMap(node => {
    const used = workloads
      .filter(workload => workload.node === node.name)
      .flatMap(({ name, requests: { gpu } }) =>
        Array.from({ length: gpu?.count ?? 0 }, () => ({ name, memory: gpu!.memory })),
      )
    return node.gpus.map((gpu, index) => ({ node: node.name, gpu, use: used[index] }))
  })
  const names = [...new Set(cards.flatMap(({ use }) => use?.name ?? []))]
  const models = names.map((name, index) => ({
    label: name,
    data: cards.map(({ use }) => (use?.name === name ? inGiB(use.memory) : 0)),
    backgroundColor: COLORS[index % COLORS.length]!,
  }))
  const left = cards.map(({ gpu, use }) => Math.max(0, gpu.memory - (use?.memory ?? 0)))
  return {
    title: 'What each GPU has left of its memory',
    config: stackedBars(
      cards.map(({ node, gpu }) => `${gpu.product}, ${node}`),
      [...models, leftOf(left)],
    ),
  }
}

const leftOf = (bytes: number[]): Bars => ({
  label: 'left',
  data: bytes.map(inGiB),
  backgroundColor: '#9aa5ae',
})

function contextChart({ models }: StackPlan): Chart {
  const lines = models.flatMap((model, index) =>
    (['f16', 'q8_0'] as const).map(kvCache => ({
      label: `${model.name}, ${kvCache} cache`,
      data: model.byContext.map(point => ({ x: point.contextLength, y: inGiB(point[kvCache]) })),
      borderColor: COLORS[index % COLORS.length]!,
      backgroundColor: COLORS[index % COLORS.length]!,
      borderDash: kvCache === 'f16' ? [] : [6, 4],
    })),
  )
  return {
    title: 'Memory against context length',
    config: {
      type: 'line',
      data: { datasets: lines },
      options: {
        animation: false,
        scales: {
          x: {
            type: 'logarithmic',
            title: { display: true, text: 'tokens' },
            ticks: { maxTicksLimit: 8 },
          },
          y: { beginAtZero: true, title: { display: true, text: AXIS } },
        },
      },
    },
  }
}

interface Bars {
  label: string
  data: number[]
  backgroundColor: string
}

function stackedBars(labels: string[], datasets: Bars[]): ChartConfiguration {
  return {
    type: 'bar',
    data: { labels, datasets },
    options: {
      animation: false,
      indexAxis: 'y',
      scales: { x: { stacked: true, title: { display: true, text: AXIS } }, y: { stacked: true } },
    },
  }
}

const inGiB = (bytes: number): number => Number((bytes / GiB).toFixed(3))
