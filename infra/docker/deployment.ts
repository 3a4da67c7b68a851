import * as docker from '@pulumi/docker'
import * as pulumi from '@pulumi/pulumi'
import { deployModels } from '../deployed-models.ts'
import type { Deployment, DeploymentArgs, Served } from '../deployment.ts'
import { apiKeysOf, tokensOf } from '../local/paths.ts'
import type { Outputs } from '../outputs.ts'
import { Secrets, Verification } from '../resources.ts'
import { apiContainer } from './api.ts'
import { chromaServer } from './chroma.ts'
import type { Surroundings } from './container.ts'
import { stackImages } from './images.ts'
import { gpusOf } from './limits.ts'
import { labelsOf } from './names.ts'
import { ollamaServer } from './ollama.ts'
import type { Parts } from './parts.ts'
import { apiUrl, chromaReach, ollamaReach } from './reach.ts'

/** The pool where no plan could be made and the stack deploys all the same. */
const UNPLANNED = { pool: 'cpu', plan: undefined, gpus: undefined }

/**
 * The deployment as containers on one machine, on a network of their own. Chroma and Ollama listen on loopback of
 * network namespaces that only their fronts share with them.
 */
export class DockerDeployment extends pulumi.ComponentResource implements Deployment {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: Deployment['ollama']
  readonly api: Outputs['api']
  readonly provisionerToken: pulumi.Output<string>
  readonly identities: pulumi.Output<string>[]
  readonly #args: DeploymentArgs
  readonly #ollama: docker.Container[]
  readonly #secrets: Secrets
  readonly #parts: Parts

  constructor(name: string, args: DeploymentArgs, options: pulumi.ComponentResourceOptions = {}) {
    super('knowledge:docker:Deployment', name, {}, options)
    const { settings, workloads, owned } = args
    const files = { tokens: tokensOf(settings.home), apiKeys: apiKeysOf(settings.home) }
    this.#args = args
    this.#secrets = new Secrets(`${name}-secrets`, { files }, { parent: this })
    const { tokens } = this.#secrets
    const surroundings = stackNetwork(name, owned.owner, { parent: this })
    const images = stackImages(name, settings.images, settings.egress, { parent: this })
    this.#parts = { settings, surroundings, images, tokens }

    const chroma = Array.from({ length: settings.chroma.instances }, (_, index) => {
      const planned = workloads.filter(({ kind }) => kind === 'chroma')[index]
      return chromaServer(this.#parts, index, planned)
    })
    const pools = poolsOf(args)
    this.#ollama = pools.map(pool => ollamaServer(this.#parts, pool))

    this.chroma = chromaReach(settings, tokens.chroma)
    this.ollama = ollamaReach(pools, tokens.ollama)
    this.api = { reach: { kind: 'direct', url: apiUrl(settings) } }
    this.provisionerToken = tokens.provisioner
    this.identities = [...chroma, ...this.#ollama].map(({ id }) => id)
    this.registerOutputs({ identities: this.identities })
  }

  bringModels() {
    return deployModels(this.#args, this, this.#ollama)
  }

  serveApi(outputs: pulumi.Output<Outputs>): Served {
    const { settings, surroundings, images } = this.#parts
    const plan = this.#args.workloads.find(({ kind }) => kind === 'api')
    const keys = this.#secrets.apiKeys
    const args = { settings, image: images.api, outputs, keys, plan }
    return { identity: apiContainer(surroundings, args).id }
  }

  verify(outputs: pulumi.Output<Outputs>, api: Served): pulumi.Output<unknown> {
    const triggers = [...this.identities, api.identity]
    const args = { deployment: outputs, triggers }
    return new Verification('verification', args, { dependsOn: [this] }).report
  }
}

function stackNetwork(
  stack: string,
  owner: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): Surroundings {
  const labels = labelsOf(stack, owner, 'network')
  return { stack, owner, network: new docker.Network(stack, { labels }, options), options }
}

/** The pools of the plan, on the ports from `ollamaPort` on. */
function poolsOf({ settings, workloads }: DeploymentArgs) {
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
