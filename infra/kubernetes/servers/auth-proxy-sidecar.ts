import { core } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { type AuthProxy, NGINX_CONFIG, nginxCommand, nginxConfig } from '../../auth-proxy/nginx.ts'
import type { Share } from '../../capacity/workload.ts'
import type { Labels } from '../kubernetes-names.ts'
import { hashOf } from '../pods/content-hash.ts'
import type { Container, Volume } from '../pods/pod.ts'
import { probe } from '../pods/probes.ts'
import { resourcesOf } from '../pods/resource-quantity.ts'

/** The proxy in a server's own pod: the server listens on loopback, and only this is reached from outside. */
export interface AuthProxySidecar {
  container: Container
  volume: Volume
  /** Another text when it lets in others than before. */
  hash: pulumi.Output<string>
}

interface AuthProxySidecarArgs {
  /** The StatefulSet whose pods it is in. */
  set: string
  labels: Labels
  front: pulumi.Input<AuthProxy>
  port: number
  /** A path that answers whoever asks, for the probe. */
  openPath: string
  image: string
  share: Share
}

const [FILE, FOLDER] = [NGINX_CONFIG.split('/').at(-1)!, NGINX_CONFIG.replace(/\/[^/]+$/, '')]

/** Its configuration holds the tokens, so it is a Secret as a whole. */
export function authProxySidecar(
  args: AuthProxySidecarArgs,
  options: pulumi.CustomResourceOptions,
): AuthProxySidecar {
  const name = `${args.set}-front`
  const config = pulumi.secret(pulumi.output(args.front).apply(nginxConfig))
  const secret = new core.v1.Secret(
    name,
    { metadata: { name, labels: args.labels }, stringData: { [FILE]: config } },
    { ...options, deleteBeforeReplace: true },
  )
  return {
    hash: hashOf(config),
    volume: { name: VOLUME, secret: { secretName: secret.metadata.name, defaultMode: 0o440 } },
    container: authProxyContainerSpec(args),
  }
}

const VOLUME = 'front'

const authProxyContainerSpec = ({
  image,
  share,
  port,
  openPath,
}: AuthProxySidecarArgs): Container => ({
  name: 'front',
  image,
  command: nginxCommand(),
  ports: [{ name: 'http', containerPort: port }],
  resources: resourcesOf(share),
  volumeMounts: [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
  readinessProbe: probe(openPath, port),
})
