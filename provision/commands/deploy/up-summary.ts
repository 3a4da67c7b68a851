import { wordOf } from '../../../checks/check-verdict.ts'
import { describeReport, type Report } from '../../../checks/report.ts'
import type { StackPlan } from '../../../infra/capacity/stack-plan.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { formatDuration } from '../../../infra/units.ts'
import type { Backend } from '../../pulumi/backend.ts'
import type { EngineResult } from '../../pulumi/pulumi-engine.ts'
import type { Toolchain } from '../../steps/toolchain-step.ts'

export interface Deployed {
  settings: Settings
  plan: StackPlan | undefined
  toolchain: Toolchain
  backend: Backend
  result: EngineResult
  outputs: Outputs
  report: Report
}

/** What `up` says at its end: the endpoints, the verdict and how to go on. */
export function summarise(deployed: Deployed) {
  const { settings, plan, toolchain, backend, result, outputs, report } = deployed
  const { stack, home } = settings
  const changed = Object.keys(result.changes).some(op => op !== 'same')
  const chroma = outputs.chroma.instances.map(({ reach }) => reach.url)
  const ollama = outputs.ollama.map(({ reach }) => reach.url)
  const api = outputs.api?.reach.url ?? ''
  const rows = [
    ['Chroma', `${chroma.join(', ')}, ${outputs.chroma.shards} shards`],
    ['Ollama', ollama.join(', ')],
    ['API', apiFromHere(outputs)],
    ...outputs.models.map(model => [
      model.role,
      `${model.serves}${model.dimensions ? `, ${model.dimensions} dimensions` : ''}`,
    ]),
    ['Folder', home],
    ['State', backend.own ? 'in the folder' : backend.url],
    ['Checks', `${describeReport(report)} in ${formatDuration(report.millis)}`],
  ]
  return {
    text: [
      `Stack ${stack}: ${changed ? 'deployed' : 'nothing to change'}, ${report.verdict === 'passed' ? 'verified' : `verification ${wordOf(report.verdict)}`}`,
      ...rows.map(([name, value]) => `  ${name?.padEnd(10)} ${value}`),
      'Go on with',
      ...['verify', 'status', 'down'].map(command => `  → npm run ${command}`),
    ].join('\n'),
    document: {
      stack,
      changed,
      changes: result.changes,
      verdict: report.verdict,
      home,
      backend: backend.url,
      plan: plan && { verdict: plan.verdict, workloads: plan.workloads },
      endpoints: { chroma, ollama, api },
      models: outputs.models,
      toolchain: Object.values(toolchain).map(({ part, version, origin, why }) => ({
        part,
        version,
        origin,
        why,
      })),
      report,
    },
  }
}

/** Its address, and for one inside of a cluster how it gets one here. */
function apiFromHere({ api }: Outputs): string {
  if (api === undefined) return ''
  const { reach } = api
  if (reach.kind === 'direct') return reach.url
  const { hostname } = new URL(reach.url)
  const [service] = hostname.split('.')
  return `${reach.url} (kubectl -n ${reach.namespace} port-forward svc/${service} ${reach.port})`
}
