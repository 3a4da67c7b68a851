import { apiextensions, core } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { API, objectLabels } from '../kubernetes-names.ts'

/** The key of the object that holds the token. */
const TOKEN = 'token'

/** Has the Prometheus operator read the API's metrics. @param token a monitor's */
export function serviceMonitor(
  token: pulumi.Output<string>,
  options: pulumi.CustomResourceOptions,
) {
  const labels = objectLabels(API)
  const secret = new core.v1.Secret(
    'metrics-token',
    { metadata: { name: 'metrics-token', labels }, stringData: { [TOKEN]: pulumi.secret(token) } },
    { ...options, deleteBeforeReplace: true },
  )
  const credentials = { name: secret.metadata.name, key: TOKEN }
  return new apiextensions.CustomResource(
    API,
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { labels },
      spec: {
        selector: { matchLabels: labels },
        endpoints: [
          { port: 'http', path: '/metrics', interval: '30s', authorization: { credentials } },
        ],
      },
    },
    options,
  )
}

/** A dashboard where Grafana's sidecar looks for one. */
export const grafanaDashboard = (namespace: string, options: pulumi.CustomResourceOptions) =>
  new core.v1.ConfigMap(
    'dashboard',
    {
      metadata: { name: 'dashboard', labels: { ...objectLabels(API), grafana_dashboard: '1' } },
      data: { 'knowledge-stack.json': JSON.stringify(dashboard(namespace), null, 2) },
    },
    { ...options, deleteBeforeReplace: true },
  )

/** What the panels show: a title, a query of checks/api/metrics.ts, its unit and what tells its lines apart. */
const panels = (namespace: string): [string, string, string, string][] => {
  const here = `namespace="${namespace}"`
  const rate = (metric: string, filter = '') => `rate(${metric}{${here}${filter}}[5m])`
  const DURATION = 'knowledge_api_request_duration_seconds'
  return [
    ['Requests', `sum by (route) (${rate(`${DURATION}_count`)})`, 'reqps', '{{route}}'],
    [
      'Time to answer, 95 of 100',
      `histogram_quantile(0.95, sum by (le, route) (${rate(`${DURATION}_bucket`)}))`,
      's',
      '{{route}}',
    ],
    [
      'Answers that failed',
      `sum by (status) (${rate(`${DURATION}_count`, ',status=~"4..|5.."')})`,
      'reqps',
      '{{status}}',
    ],
    ['Under way', `sum by (lane) (knowledge_api_requests_under_way{${here}})`, 'short', '{{lane}}'],
    [
      'Callers who left',
      `sum by (route) (${rate('knowledge_api_requests_abandoned_total')})`,
      'reqps',
      '{{route}}',
    ],
    ['Memory', `process_resident_memory_bytes{${here}}`, 'bytes', '{{pod}}'],
  ]
}

const [WIDTH, HEIGHT] = [12, 8]

/** A dashboard of Grafana for the API of a namespace. */
const dashboard = (namespace: string) => ({
  title: `knowledge-stack in ${namespace}`,
  uid: namespace,
  schemaVersion: 39,
  time: { from: 'now-6h', to: 'now' },
  refresh: '1m',
  panels: panels(namespace).map(([title, expr, unit, legendFormat], index) => ({
    id: index + 1,
    type: 'timeseries',
    title,
    gridPos: { x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: [{ expr, legendFormat, refId: 'A' }],
  })),
})
