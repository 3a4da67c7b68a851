import { apiextensions, core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { API, objectLabels } from '../kubernetes-names.ts'
import { dashboard } from './dashboard.ts'

/** Has the Prometheus operator read the API's metrics. */
export const serviceMonitor = (options: pulumi.CustomResourceOptions) =>
  new apiextensions.CustomResource(
    API,
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { labels: objectLabels(API) },
      spec: {
        selector: { matchLabels: objectLabels(API) },
        endpoints: [{ port: 'http', path: '/metrics', interval: '30s' }],
      },
    },
    options,
  )

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
