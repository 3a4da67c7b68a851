import { networking } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { IngressSettings } from '../../settings/kubernetes-settings.ts'
import { API, objectLabels } from '../kubernetes-names.ts'
import { NOT_AWAITED } from '../pods/awaiting.ts'

/** Lets the API be reached from outside the cluster, over TLS. */
export const apiIngress = (
  { host, className, tlsSecret, annotations }: IngressSettings,
  port: number,
  options: pulumi.CustomResourceOptions,
) => {
  const backend = { service: { name: API, port: { number: port } } }
  const paths = [{ path: '/', pathType: 'Prefix', backend }]
  return new networking.v1.Ingress(
    API,
    {
      metadata: { labels: objectLabels(API), annotations: { ...NOT_AWAITED, ...annotations } },
      spec: {
        ...(className !== '' && { ingressClassName: className }),
        tls: [{ hosts: [host], secretName: tlsSecret }],
        rules: [{ host, http: { paths } }],
      },
    },
    options,
  )
}
