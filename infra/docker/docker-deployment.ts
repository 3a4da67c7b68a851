import * as docker from '@pulumi/docker'
import * as pulumi from '@pulumi/pulumi'
import type { Outputs } from '../outputs.ts'
import { Secrets, Verification } from '../resources.ts'
import { deployModels } from '../servers/deployed-models.ts'
import type { SpecArgs } from '../servers/server-spec.ts'
import type { Served, TargetComponent, TargetComponentArgs } from '../servers/target-component.ts'
import { apiKeysOf, tokensOf } from '../settings/home-paths.ts'
import type { StackContext } from './container.ts'
import { gpusOf } from './container-limits.ts'
import { apiUrl, chromaEndpoints, ollamaEndpoints } from './docker-endpoints.ts'
import { stackImages } from './docker-images.ts'
import { containerLabels } from './docker-names.ts'
import { apiContainer } from './servers/api-container.ts'
import { chromaContainer } from './servers/chroma-container.ts'
import { ollamaContainer } from './servers/ollama-container.ts'

/** The pool where no plan could be made and the stack deploys all the same. */
const UNPLANNED = { pool: 'cpu', plan: undefined, gpus: undefined }

/**
 * The deployment as containers on one machine, on a network of their own. Chroma and Ollama listen on loopback of
 * network namespaces that only their auth proxies share with them.
 */
export class DockerDeployment extends pulumi.ComponentResource implements TargetComponent {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: TargetComponent['ollama']
  readonly api: Outputs['api']
  readonly provisionerToken: pulumi.Output<string>
  readonly identities: pulumi.Output<string>[]
  readonly #args: TargetComponentArgs
  readonly #ollama: docker.Container[]
  readonly #secrets: Secrets
  readonly #context: StackContext
  readonly #specs: SpecArgs

  constructor(
    name: string,
    args: TargetComponentArgs,
    options: pulumi.ComponentResourceOptions = {},
  ) {
    super('knowledge:docker:Deployment', name, {}, options)
    const { settings, workloads, owned } = args
    const files = { tokens: tokensOf(settings.home), apiKeys: apiKeysOf(settings.home) }
    this.#args = args
    this.#secrets = new Secrets(`${name}-secrets`, { files }, { parent: this })
    const { tokens } = this.#secrets
    const parts = { parent: this }
    const network = new docker.Network(
      name,
      { labels: containerLabels(name, owned.owner, 'network') },
      parts,
    )
    this.#context = { stack: name, owner: owned.owner, network, options: parts }
    const images = stackImages(name, settings.images, settings.egress, parts)
    this.#specs = { settings, images, tokens }

    const chroma = Array.from({ length: settings.chroma.instances }, (_, index) => {
      const planned = workloads.filter(({ kind }) => kind === 'chroma')[index]
      return chromaContainer(this.#context, this.#specs, index, planned)
    })
    const pools = poolsOf(args)
    this.#ollama = pools.map(pool => ollamaContainer(this.#context, this.#specs, pool))

    this.chroma = chromaEndpoints(settings, tokens.chroma)
    this.ollama = ollamaEndpoints(pools, tokens.ollama)
    this.api = { reach: { kind: 'direct', url: apiUrl(settings) } }
    this.provisionerToken = tokens.provisioner
    this.identities = [...chroma, ...this.#ollama].map(({ id }) => id)
    this.registerOutputs({ identities: this.identities })
  }

  deployModels() {
    return deployModels(this.#args, this, this.#ollama)
  }

  serveApi(outputs: pulumi.Output<Outputs>): Served {
    const plan = this.#args.workloads.find(({ kind }) => kind === 'api')
    const { apiKeys } = this.#secrets
    return { identity: apiContainer(this.#context, this.#specs, outputs, apiKeys, plan).id }
  }

  verify(outputs: pulumi.Output<Outputs>, api: Served): pulumi.Output<unknown> {
    const triggers = [...this.identities, api.identity]
    const args = { deployment: outputs, triggers }
    return new Verification('verification', args, { dependsOn: [this] }).report
  }
}

/** The pools of the plan, on the ports from `ollamaPort` on. */
function poolsOf({ settings, workloads }: TargetComponentArgs) {
  const { port } = settings.ollama
  const planned = workloads.filter(({ kind }) => kind === 'ollama')
  const gpus = gpusOf(planned)
  const [first = UNPLANNED, ...others] = planned.map((plan, index) => ({
    pool: plan.pool!,
    plan,
    gpus: gpus[index],
  }))
  return [first, ...others].map((pool, index) => ({ ...pool, published: port + index }))
}
