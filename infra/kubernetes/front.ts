import { core } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import type { Share } from '../capacity/workload.ts'
import { FRONT_CONFIG, type Front, frontCommand, frontConfig } from '../front/nginx.ts'
import { hashOf } from './hash.ts'
import type { Labels } from './names.ts'
import type { Container, Volume } from './pod.ts'
import { probe } from './probes.ts'
import { resourcesOf } from './quantity.ts'

/** The proxy in a server's own pod: the server listens on loopback, and only this is reached from outside. */
export interface FrontPart {
  container: Container
  volume: Volume
  /** Another text when it lets in others than before. */
  hash: pulumi.Output<string>
}

interface FrontArgs {
  /** The StatefulSet whose pods it is in. */
  set: string
  labels: Labels
  front: pulumi.Input<Front>
  port: number
  /** A path that answers whoever asks, for the probe. */
  openPath: string
  image: string
  share: Share
}

const [FILE, FOLDER] = [FRONT_CONFIG.split('/').at(-1)!, FRONT_CONFIG.replace(/\/[^/]+$/, '')]

/** Its configuration holds the tokens, so it is a Secret as a whole. */
export function frontPart(args: FrontArgs, options: pulumi.CustomResourceOptions): FrontPart {
  const name = `${args.set}-front`
  const config = pulumi.secret(pulumi.output(args.front).apply(frontConfig))
  const secret = new core.v1.Secret(
    name,
    { metadata: { name, labels: args.labels }, stringData: { [FILE]: config } },
    { ...options, deleteBeforeReplace: true },
  )
  return {
    hash: hashOf(config),
    volume: { name: VOLUME, secret: { secretName: secret.metadata.name, defaultMode: 0o440 } },
    container: frontContainer(args),
  }
}

const VOLUME = 'front'

const frontContainer = ({ image, share, port, openPath }: FrontArgs): Container => ({
  name: 'front',
  image,
  command: frontCommand(),
  ports: [{ name: 'http', containerPort: port }],
  resources: resourcesOf(share),
  volumeMounts: [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
  readinessProbe: probe(openPath, port),
})
