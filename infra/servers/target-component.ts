import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../capacity/workload.ts'
import type { DeployedModel, OllamaPool, Outputs } from '../outputs.ts'
import type { OwnerRecord } from '../resources.ts'
import type { Settings } from '../settings/settings.ts'

/** What every target is given … */
export interface TargetComponentArgs {
  settings: Settings
  /** What the plan gives each server. Empty where none could be made and `deployUnfit` deploys all the same. */
  workloads: readonly Workload[]
  /** Whose the servers are: they carry its id, and are made after it. */
  owned: OwnerRecord
}

/** … and what it hands on: how its servers are reached, and what changes when one of them is another. */
export interface TargetComponent extends pulumi.ComponentResource {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: [OllamaPool, ...OllamaPool[]]
  readonly api: Outputs['api']
  /** Lets do with Ollama what is for the provisioner alone; absent where no fronts stand before it. */
  readonly provisionerToken?: pulumi.Output<string>
  /** One text for each server; another text means another process, container or pod. */
  readonly identities: pulumi.Output<string>[]
  /** Sees to it that the servers have the stack's models. @returns what the outputs say of them */
  deployModels(): BroughtModel[]
  /** Starts the HTTP API, once the outputs are complete. */
  serveApi(outputs: pulumi.Output<Outputs>): Served
  /**
   * Makes the checks a part of the update, which fails when they do.
   * @returns the report of the last time; undefined where it is told in another way
   */
  verify(outputs: pulumi.Output<Outputs>, api: Served): pulumi.Output<unknown>
}

/** The API as a resource: with another identity it is another process, container or pod. */
export interface Served {
  identity: pulumi.Output<string>
}

/** A model of the outputs, of which some is known only once it is there. */
export type BroughtModel = { [Key in keyof DeployedModel]: pulumi.Input<DeployedModel[Key]> }
