import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from './capacity/workload.ts'
import type { OllamaPool, Outputs } from './outputs.ts'
import type { Settings } from './settings.ts'

/** What every target is given … */
export interface DeploymentArgs {
  settings: Settings
  /** What the plan gives each server. Empty where none could be made and `deployUnfit` deploys all the same. */
  workloads: readonly Workload[]
}

/** … and what it hands on: how its servers are reached, and what changes when one of them is another. */
export interface Deployment extends pulumi.ComponentResource {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: [OllamaPool, ...OllamaPool[]]
  readonly api: Outputs['api']
  /** One text for each server; another text means another process, container or pod. */
  readonly identities: pulumi.Output<string>[]
  /** Starts the HTTP API, once the outputs are complete. */
  serveApi(outputs: pulumi.Output<Outputs>): { identity: pulumi.Output<string> }
}
