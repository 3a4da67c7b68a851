import type { DeployedModel } from '../../infra/outputs.ts'
import type { ModelArgs } from '../../infra/resources.ts'

/** What the model sidecar is told by infra/kubernetes/servers/model-sidecar-container.ts: the file that it is started with. */
export interface SidecarConfig {
  /** Where it says whether the models are ready. */
  port: number
  /** The plan put the models on GPUs: one that landed on the CPU is a fault. */
  gpu: boolean
  /** The models stay in memory for ever: one that is not there is a fault. */
  resident: boolean
  models: SidecarModel[]
}

export interface SidecarModel {
  /** How it is provisioned. */
  args: ModelArgs
  /** How it is asked. */
  model: DeployedModel
}
