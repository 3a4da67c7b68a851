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

/** What each part takes, what each machine has left, and memory against context length. */
export function chartsOf(plan: StackPlan): Chart[] {
  return [partsChart(plan), machinesChart(plan), contextChart(plan)]
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

function machinesChart({ nodes, workloads }: StackPlan): Chart {
  const servers = workloads.map(({ name, node, requests }, index) => ({
    label: name,
    data: nodes.map(machine => (machine.name === node ? inGiB(requests.memory) : 0)),
    backgroundColor: COLORS[index % COLORS.length]!,
  }))
  const left = {
    label: 'left',
    data: nodes.map(({ remaining }) => inGiB(remaining.memory)),
    backgroundColor: '#d9dee3',
  }
  return {
    title: 'What each machine has left of its memory',
    config: stackedBars(
      nodes.map(({ name }) => name),
      [...servers, left],
    ),
  }
}

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
