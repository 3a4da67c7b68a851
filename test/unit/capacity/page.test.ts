import { expect, it } from 'vitest'
import { planStack } from '../../../infra/capacity/stack-plan.ts'
import { GiB } from '../../../infra/units.ts'
import { chartsOf } from '../../../provision/plan/plan-charts.ts'
import { renderHtml } from '../../../provision/plan/plan-page.ts'
import { renderTable } from '../../../provision/plan/plan-table.ts'
import { machineOf, stackDemand } from '../../support/stack/demand.ts'

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
  const page = await renderHtml(hostile)
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

it('says where each figure comes from, and what was not confirmed', async () => {
  const gpu = { product: 'L4', memory: 22 * GiB, resource: 'nvidia.com/gpu' }
  const page = await renderHtml(
    planStack(stackDemand('gpt-oss:20b'), [machineOf(8, { gpus: [gpu] })]),
  )
  expect(page).toContain('<td>cache rules of Ollama 0.17.4</td>')
  expect(page).toContain('not confirmed by a measurement: nomic-embed-text:latest, gpt-oss:20b.')
})

it('says what machines of pools cost', async () => {
  const pool = machineOf(8, { monthlyCost: 120, template: { max: 1 } })
  const priced = planStack(stackDemand('smollm2:135m', 4096), [pool])
  expect(renderTable(priced)).toContain('The machines cost 120 a month.')
  expect(await renderHtml(priced)).toContain('The machines cost 120 a month.')
})

it('says that a model is too large for the GPU that is there', () => {
  const gpu = { product: 'T4', memory: 8 * GiB, resource: 'nvidia.com/gpu' }
  const plan = planStack(stackDemand('gpt-oss:20b'), [machineOf(64, { gpus: [gpu] })])
  expect(renderTable(plan)).toContain('No GPU holds all of gpt-oss:20b')
})
