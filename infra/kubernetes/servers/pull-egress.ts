import { core } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { PROXY_VARIABLE } from '../../egress/pull-environment.ts'
import type { ServerSpec } from '../../servers/server-spec.ts'
import { OLLAMA, objectLabels } from '../kubernetes-names.ts'
import { hashOf } from '../pods/content-hash.ts'
import { configFiles } from '../pods/mounted-files.ts'
import type { PodServerArgs } from '../server-args.ts'

const PROXY = 'ollama-proxy'
const LABELS = objectLabels(OLLAMA)

/**
 * What all Ollamas share for their way out to where models are pulled from: the proxy, whose URL may hold a password,
 * as a Secret, and the certificates of the stack's own as a ConfigMap.
 * @param server the Ollama of any pool
 */
export function pullEgress({ environment, files }: ServerSpec, { options }: PodServerArgs) {
  const proxies = [environment?.[PROXY_VARIABLE]].filter(proxy => proxy !== undefined)
  const object = { name: 'ollama-certificates', labels: LABELS }
  const certificates = files === undefined ? [] : [configFiles({ ...object, files }, options)]
  return {
    /** Variables of Ollama that are secrets. */
    secrets: proxies.map(proxy => proxyOf(proxy, options)),
    certificates,
    /** Other texts when the proxy or the certificates are others; none where there are none. */
    hashes: [...proxies.map(proxy => hashOf(proxy)), ...certificates.map(({ hash }) => hash)],
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
