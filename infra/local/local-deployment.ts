import * as pulumi from '@pulumi/pulumi'
import { PROXY_VARIABLE } from '../egress/pull-environment.ts'
import type { OllamaPool, Outputs } from '../outputs.ts'
import { Process, type ProcessArgs, Verification } from '../resources.ts'
import { deployModels } from '../servers/deployed-models.ts'
import type { TargetComponent, TargetComponentArgs } from '../servers/target-component.ts'
import { localPaths } from '../settings/home-paths.ts'
import { apiProcess } from './api-process.ts'
import { chromaProcess } from './chroma-process.ts'
import { apiPlace, chromaPlace, loopbackUrl, ollamaPlace } from './local-servers.ts'
import { ollamaProcess } from './ollama-process.ts'

/**
 * The deployment as processes on this machine. Memory limits of the plan are not enforced here: a process
 * without a cgroup of its own cannot be held to them.
 */
export class LocalDeployment extends pulumi.ComponentResource implements TargetComponent {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: [OllamaPool]
  readonly api: Outputs['api']
  readonly identities: pulumi.Output<string>[]
  readonly #name: string
  readonly #args: TargetComponentArgs
  readonly #ollama: Process

  constructor(
    name: string,
    args: TargetComponentArgs,
    options: pulumi.ComponentResourceOptions = {},
  ) {
    super('knowledge:local:Deployment', name, {}, options)
    const { settings } = args
    this.#name = name
    this.#args = args
    const indices = Array.from({ length: settings.chroma.instances }, (_, index) => index)

    const chroma = indices.map(index => this.#process(chromaProcess(settings, index)))
    this.#ollama = this.#process(ollamaProcess(settings))

    const { chroma: dataFolder, chromaConfig, models: modelsFolder } = localPaths(settings.home)
    this.chroma = indices.map(index => ({
      ...direct(chromaPlace(settings, index)),
      configFile: chromaConfig(index),
      dataFolder: dataFolder(index),
    })) as typeof this.chroma
    const place = ollamaPlace(settings)
    this.ollama = [{ pool: 'local', ...direct(place), modelsFolder, record: place.record }]
    this.api = direct(apiPlace(settings))
    this.identities = [...chroma, this.#ollama].map(({ identity }) => identity)
    this.registerOutputs({ identities: this.identities })
  }

  serveApi(outputs: pulumi.Output<Outputs>): Process {
    // No child of this: the verification waits for this with all its children, and not for the API.
    return new Process(
      `${this.#name}-api`,
      apiProcess(this.#args.settings, pulumi.jsonStringify(outputs)),
      REPLACE_IN_PLACE,
    )
  }

  deployModels() {
    return deployModels(this.#args, this, [this.#ollama])
  }

  /** Beside the start of the API, which its own resource sees answer: the checks ask for it last. */
  verify(outputs: pulumi.Output<Outputs>) {
    const args = { deployment: outputs, triggers: this.identities }
    return new Verification('verification', args, { dependsOn: [this] }).report
  }

  #process(args: ProcessArgs): Process {
    const { environment: open } = args
    const environment = PROXY_VARIABLE in open ? pulumi.secret(open) : open
    const options = { parent: this, dependsOn: this.#args.owned, ...REPLACE_IN_PLACE }
    return new Process(`${this.#name}-${args.name}`, { ...args, environment }, options)
  }
}

/** Old and new would want the same port. */
const REPLACE_IN_PLACE = { deleteBeforeReplace: true }

const direct = (place: { port: number }) => ({
  reach: { kind: 'direct' as const, url: loopbackUrl(place) },
})
