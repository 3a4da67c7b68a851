import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Labels } from '../kubernetes-names.ts'
import { NOT_AWAITED } from './awaiting.ts'

const serviceOf =
  (metadata: { annotations?: Record<string, string> }, spec: { clusterIP?: string }) =>
  (name: string, labels: Labels, port: number, options: pulumi.CustomResourceOptions) =>
    new core.v1.Service(
      name,
      {
        metadata: { name, labels, ...metadata },
        spec: { ...spec, selector: labels, ports: [{ name: 'http', port }] },
      },
      { ...options, deleteBeforeReplace: true },
    )

/** One address for all pods with the labels. */
export const service = serviceOf({ annotations: NOT_AWAITED }, {})

/** An address for each of the pods with the labels. */
export const podAddresses = serviceOf({}, { clusterIP: 'None' })
