import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../capacity/workload.ts'
import type { DeployedModel, OllamaPool, Outputs } from '../outputs.ts'
import type { Layout } from '../ownership/data-layout.ts'
import type { OwnerRecord } from '../resources.ts'
import type { Settings } from '../settings/parse-settings.ts'

export type ClaimSizes = Readonly<Record<string, string>>

/** What the component of every target is made from. */
export interface TargetComponentArgs {
  settings: Settings
  /** How the data is laid out. */
  layout: Layout
  /** What the plan gives each server. Empty where none could be made and `deployUnfit` deploys all the same. */
  workloads: readonly Workload[]
  /** What a cluster's claims are asked for that are there, in place of the plan's size: quantities by their names. */
  claimSizes?: ClaimSizes
  /** Whose the servers are: they carry its id, and are made after it. */
  owned: OwnerRecord
}

/** The servers of a stack on one target: how they are reached, and what changes when one of them is another. */
export interface TargetComponent extends pulumi.ComponentResource {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: [OllamaPool, ...OllamaPool[]]
  readonly api: Outputs['api']
  /** Allows with Ollama what is for the provisioner alone; absent where no auth proxy stands in front of it. */
  readonly provisionerToken?: pulumi.Output<string>
  /** One text for each server; another text means another process, container or pod. */
  readonly identities: pulumi.Output<string>[]
  /** Makes sure that the servers have the stack's models. @returns what the outputs say of them */
  deployModels(): ModelOutput[]
  /** Starts the HTTP API, once the outputs are complete. */
  serveApi(outputs: pulumi.Output<Outputs>): Served
  /**
   * Makes the checks a part of the update, which fails when they do.
   * @returns the report of the last time; undefined where it is shown in another way
   */
  verify(outputs: pulumi.Output<Outputs>, api: Served): pulumi.Output<unknown>
}

/** The API as a resource: with another identity it is another process, container or pod. */
export interface Served {
  identity: pulumi.Output<string>
}

/** A model of the outputs, of which some is known only once it is there. */
export type ModelOutput = { [Key in keyof DeployedModel]: pulumi.Input<DeployedModel[Key]> }
