import { core, type types } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { ownCertificates } from '../../egress/egress-settings.ts'
import {
  CERTIFICATES,
  CERTIFICATES_FILE,
  PROXY_VARIABLE,
  pullEnvironment,
  TRUST_OWN,
} from '../../egress/pull-environment.ts'
import { labelsOf, OLLAMA } from '../kubernetes-names.ts'
import { hashOf } from '../pods/content-hash.ts'
import type { Container, Volume } from '../pods/pod.ts'
import type { PodServerArgs } from '../server-args.ts'

/** What the containers of Ollama get for their way out to where models are pulled from. */
export interface EgressPart {
  env: types.input.core.v1.EnvVar[]
  mounts: NonNullable<Container['volumeMounts']>
  volumes: Volume[]
  /** Other texts when the proxy or the certificates are others; none where there are none. */
  hashes: pulumi.Output<string>[]
}

const [PROXY, VOLUME] = ['ollama-proxy', 'ollama-certificates']
const LABELS = labelsOf(OLLAMA)

/** The proxy, whose URL may hold a password, as a Secret, and the certificates of the stack's own as a ConfigMap. */
export function egressPart({ settings: { egress }, options }: PodServerArgs): EgressPart {
  const { [PROXY_VARIABLE]: proxy, ...open } = pullEnvironment(egress)
  const certificates = ownCertificates(egress)
  const env = Object.entries({ ...open, ...(certificates !== undefined && TRUST_OWN) })
  const trusted = certificates === undefined ? undefined : certificatesOf(certificates, options)
  return {
    env: [
      ...env.map(([name, value]) => ({ name, value })),
      ...(proxy === undefined ? [] : [proxyOf(proxy, options)]),
    ],
    mounts: trusted ? [{ name: VOLUME, mountPath: CERTIFICATES, readOnly: true }] : [],
    volumes: trusted ? [trusted] : [],
    hashes: [proxy, certificates].flatMap(text => (text === undefined ? [] : [hashOf(text)])),
  }
}

function proxyOf(proxy: string, options: pulumi.CustomResourceOptions) {
  const secret = new core.v1.Secret(
    PROXY,
    {
      metadata: { name: PROXY, labels: LABELS },
      stringData: { [PROXY_VARIABLE]: pulumi.secret(proxy) },
    },
    { ...options, deleteBeforeReplace: true },
  )
  const secretKeyRef = { name: secret.metadata.name, key: PROXY_VARIABLE }
  return { name: PROXY_VARIABLE, valueFrom: { secretKeyRef } }
}

function certificatesOf(certificates: string, options: pulumi.CustomResourceOptions): Volume {
  const file = new core.v1.ConfigMap(
    VOLUME,
    {
      metadata: { name: VOLUME, labels: LABELS },
      data: { [CERTIFICATES_FILE]: certificates },
    },
    { ...options, deleteBeforeReplace: true },
  )
  return { name: VOLUME, configMap: { name: file.metadata.name } }
}
