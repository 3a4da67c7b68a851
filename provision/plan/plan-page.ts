import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import {
  describeAlternative,
  describeCaveats,
  describeData,
  describeVerdict,
} from '../../infra/capacity/verdict/verdict.ts'
import { formatBytes } from '../../infra/units.ts'
import { chartsOf } from './plan-charts.ts'
import { bothSides, gpusOf } from './plan-table.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2a35; --page: #fff; --line: #d9dee3; --good: #eef5ee; --bad: #f9eeed }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde4ea; --page: #161c22; --line: #3a444d; --good: #1f2f22; --bad: #3a2220 }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--page) }
.wide { overflow-x: auto }
.chart { position: relative; min-height: 18rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }
.verdict { padding: .8rem 1rem; border-left: .4rem solid #5b9e5f; background: var(--good); white-space: pre-line }
.verdict.never { border-color: #b0514a; background: var(--bad) }
`

const DRAW = `
const colors = getComputedStyle(document.documentElement)
Chart.defaults.color = colors.getPropertyValue('--ink')
Chart.defaults.borderColor = colors.getPropertyValue('--line')
Chart.defaults.maintainAspectRatio = false
for (const { id, config } of JSON.parse(document.getElementById('charts').textContent)) {
  new Chart(document.getElementById(id), config)
}
`

/**
 * The plan as a page that opens from a file: the charting library stands in it, nothing is fetched.
 * @param of the stack that it is of, and when it was made
 */
export async function renderHtml(
  plan: StackPlan,
  of: { stack: string; date: Date },
): Promise<string> {
  const charts = chartsOf(plan).map((chart, index) => ({ ...chart, id: `chart-${index + 1}` }))
  const never = plan.verdict === 'never fits' ? ' never' : ''
  const data = charts.map(({ id, config }) => ({ id, config }))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Capacity plan of ${escaped(of.stack)}: ${plan.verdict}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Capacity plan of the stack ${escaped(of.stack)}</h1>
<p><time datetime="${of.date.toISOString()}">${of.date.toISOString().slice(0, 16).replace('T', ' ')} UTC</time></p>
<p class="verdict${never}">${escaped(describeVerdict(plan))}</p>
${alternatives(plan)}
${[describeData(plan), ...describeCaveats(plan)].map(text => `<p>${escaped(text)}</p>`).join('\n')}
<h2>Servers</h2>
${table(['Server', 'Machine', 'Memory limit', 'Resident', 'GPU', 'Disk'], serverRows(plan))}
<h2>Machines, and what is left on them</h2>
${table(['Machine', 'Cores', 'Memory', 'GPUs', 'Disk', 'A month', 'From'], machineRows(plan))}
${charts.map(({ id, title }) => `<h2>${title}</h2>\n<div class="chart"><canvas id="${id}"></canvas></div>`).join('\n')}
<h2>Where the figures come from</h2>
${table(['Model', 'Part', 'Reserved', 'Resident', 'Source'], partRows(plan))}
<script>${await library()}</script>
<script type="application/json" id="charts">${json(data)}</script>
<script>${DRAW}</script>
</body>
</html>
`
}

/** Chart.js as one script, from the package that is installed. */
function library(): Promise<string> {
  const main = createRequire(import.meta.url).resolve('chart.js')
  return readFile(join(dirname(main), 'chart.umd.min.js'), 'utf8')
}

const serverRows = ({ workloads }: StackPlan): string[][] =>
  workloads.map(({ name, models, node, limits, resident, requests }) => [
    models.length === 0 ? name : `${name} (${models.join(', ')})`,
    node ?? 'none has room',
    formatBytes(limits.memory),
    formatBytes(resident),
    gpusOf(requests),
    formatBytes(requests.disk),
  ])

const machineRows = ({ nodes }: StackPlan): string[][] =>
  nodes.map(({ name, cpu, memory, gpus, disk, monthlyCost, currency, source, remaining }) => {
    const of = (left: string | number, all: string | number) => `${left} of ${all}`
    return [
      name,
      of(Number(remaining.cpu.toFixed(2)), cpu),
      of(formatBytes(remaining.memory), formatBytes(memory)),
      gpus.length === 0 ? '–' : of(remaining.gpus.length, gpus.length),
      disk === undefined ? '–' : of(formatBytes(remaining.disk ?? 0), formatBytes(disk)),
      monthlyCost === undefined ? '–' : [monthlyCost, currency].filter(Boolean).join(' '),
      source,
    ]
  })

const partRows = ({ models }: StackPlan): string[][] =>
  models.flatMap(({ name, parts }) =>
    parts
      .filter(({ reserved }) => reserved.host + reserved.gpu > 0)
      .map(part => [
        name,
        part.name,
        bothSides(part.reserved),
        bothSides(part.resident),
        part.source,
      ]),
  )

function alternatives({ alternatives }: StackPlan): string {
  if (alternatives.length === 0) return ''
  const items = alternatives.map(
    alternative => `<li>${escaped(describeAlternative(alternative))}</li>`,
  )
  return `<h2>What would fit, cheapest first</h2>\n<ol>${items.join('')}</ol>`
}

function table(head: string[], rows: string[][]): string {
  const row = (cells: string[], tag: string) =>
    `<tr>${cells.map(cell => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table>${row(head, 'th')}${rows.map(cells => row(cells, 'td')).join('')}</table></div>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, sign => ENTITIES[sign]!)

/** JSON within a script element: a name with `</script>` in it must not end the element. */
const json = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c')
