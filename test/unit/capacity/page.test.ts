import { expect, it } from 'vitest'
import { parseNode } from '../../../infra/capacity/hardware/hardware.ts'
import { planStack } from '../../../infra/capacity/stack-plan.ts'
import { GiB } from '../../../infra/units.ts'
import { chartsOf } from '../../../provision/plan/plan-charts.ts'
import { renderHtml } from '../../../provision/plan/plan-page.ts'
import { renderTable } from '../../../provision/plan/plan-table.ts'
import { refusalOf } from '../../support/servers/refusal.ts'
import { machineOf, stackDemand } from '../../support/stack/demand.ts'

const OF = { stack: 'prod', date: new Date('2026-11-28T08:30:00Z') }
const plan = planStack(stackDemand('smollm2:135m', 4096), [machineOf(8)])
const [parts, machines, context] = chartsOf(plan).map(({ config }) => config.data.datasets)

it('draws what each model reserves: its parts add up', () => {
  const drawn = parts!.map(({ data }) => data[1] as number).reduce((sum, gib) => sum + gib, 0)
  expect(drawn).toBeCloseTo(plan.models[1]!.reserved.host / GiB, 1)
})

it('draws what each machine has left: servers and the rest add up to its memory', () => {
  const drawn = machines!.map(({ data }) => data[0] as number).reduce((sum, gib) => sum + gib, 0)
  expect(drawn).toBeCloseTo(8, 1)
})

it('draws memory against context up to the trained one, rising', () => {
  const points = context!.at(-2)!.data as { x: number; y: number }[]
  expect(points.at(-1)!.x).toBe(8192)
  expect(points.map(({ y }) => y)).toEqual(points.map(({ y }) => y).toSorted((a, b) => a - b))
})

it('keeps a name from ending the script that it stands in', async () => {
  const [first, ...others] = plan.workloads
  const hostile = { ...plan, workloads: [{ ...first!, name: '</script><b>' }, ...others] }
  const page = await renderHtml(hostile, OF)
  expect(page).not.toContain('</script><b>')
  expect(page).toContain('&lt;/script&gt;&lt;b&gt;')
})

it('is a table of models, servers and machines, with the verdict and what would fit', () => {
  const small = planStack(stackDemand('gpt-oss:20b'), [machineOf(3.8)])
  const text = renderTable(small)
  for (const part of ['gpt-oss:20b', 'ollama-cpu', 'this machine', 'short', 'What would fit']) {
    expect(text).toContain(part)
  }
})

it('is told whole where the terminal says that it has no columns', () => {
  const plan = planStack(stackDemand('gpt-oss:20b'), [machineOf(3.8)])
  const { columns } = process.stdout
  try {
    process.stdout.columns = 0
    expect(renderTable(plan)).toBe(renderTable(plan, Infinity))
  } finally {
    process.stdout.columns = columns
  }
})

it('says where each figure comes from, and what was not confirmed', async () => {
  const gpu = { product: 'L4', memory: 22 * GiB, resource: 'nvidia.com/gpu' }
  const page = await renderHtml(
    planStack(stackDemand('gpt-oss:20b'), [machineOf(8, { gpus: [gpu] })]),
    OF,
  )
  expect(page).toContain('<td>cache rules of Ollama 0.17.4</td>')
  expect(page).toContain('not confirmed by a measurement: nomic-embed-text:latest, gpt-oss:20b.')
})

it('says what machines of pools cost', async () => {
  const pool = machineOf(8, { monthlyCost: 120, template: { max: 1 } })
  const priced = planStack(stackDemand('smollm2:135m', 4096), [pool])
  expect(renderTable(priced)).toContain('The machines cost 120 a month.')
  expect(await renderHtml(priced, OF)).toContain('The machines cost 120 a month.')
})

it('says that a model is too large for the GPU that is there', () => {
  const gpu = { product: 'T4', memory: 8 * GiB, resource: 'nvidia.com/gpu' }
  const plan = planStack(stackDemand('gpt-oss:20b'), [machineOf(64, { gpus: [gpu] })])
  expect(renderTable(plan)).toContain('No GPU holds all of gpt-oss:20b')
})

it('says of which stack it is, and when it was made', async () => {
  const page = await renderHtml(plan, OF)
  expect(page).toContain('<h1>Capacity plan of the stack prod</h1>')
  expect(page).toContain('2026-11-28 08:30 UTC')
})

it('draws what no machine has room for in a bar of its own', () => {
  const small = planStack(stackDemand('gpt-oss:20b'), [machineOf(3.8)])
  const { labels, datasets } = chartsOf(small)[1]!.config.data
  expect(labels).toEqual(['this machine', 'no machine'])
  const homeless = datasets.map(({ data }) => (data[1] as number) ?? 0)
  expect(Math.max(...homeless)).toBeGreaterThan(10)
})

it('draws what each GPU has left: models and the rest add up to its memory', () => {
  const gpu = { product: 'L4', memory: 22 * GiB, resource: 'nvidia.com/gpu' }
  const machine = machineOf(8, { gpus: [gpu, gpu] })
  const { labels, datasets } = chartsOf(planStack(stackDemand('gpt-oss:20b'), [machine]))[2]!.config
    .data
  expect(labels).toEqual(['L4, this machine', 'L4, this machine'])
  for (const card of [0, 1]) {
    const sum = datasets.reduce((total, { data }) => total + (data[card] as number), 0)
    expect(sum).toBeCloseTo(22, 1)
  }
})

it('says in which currency machines cost, and refuses two', () => {
  const priced = (...nodes: string[]) =>
    planStack(stackDemand('smollm2:135m', 4096), nodes.map(parseNode))
  expect(renderTable(priced('memory=8GiB,cost=700EUR'))).toContain(
    'The machines cost 700 EUR a month.',
  )
  expect(refusalOf(() => priced('memory=8GiB,cost=7EUR', 'memory=8GiB,cost=7 USD')).text).toContain(
    'The machines cost EUR and USD',
  )
})

it('says how fast answers come, and when slower than people read', () => {
  const on = (product: string) => {
    const gpu = { product, memory: 80 * GiB, resource: 'nvidia.com/gpu' }
    return planStack(stackDemand('llama3.3:70b'), [machineOf(80, { gpus: [gpu] })])
  }
  const [, fast] = on('NVIDIA-H200').models
  expect(fast!.tokensPerSecond!.low).toBeGreaterThan(20)
  expect(fast!.tokensPerSecond!.high).toBeLessThan(120)
  expect(renderTable(on('NVIDIA-H200'))).not.toContain('slower than people read')
  expect(on('an unknown card').models[1]!.tokensPerSecond).toBeUndefined()
  const onCpu = planStack(stackDemand('llama3.3:70b'), [machineOf(80)])
  expect(renderTable(onCpu)).toContain('slower than people read')
})

it('counts of a mixture of experts only those that are used', () => {
  const high = (chat: string) =>
    planStack(stackDemand(chat), [machineOf(80)]).models[1]!.tokensPerSecond!.high
  expect(high('qwen3:30b-a3b')).toBeGreaterThan(4 * high('qwen3:32b'))
})
