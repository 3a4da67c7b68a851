import type { Role } from '../settings/model-definition.ts'
import type { Architecture } from './model/architecture.ts'
import type { Estimate } from './model/estimate.ts'

/** A model as the stack wants to run it. */
export interface ModelDemand {
  name: string
  role: Role
  architecture: Architecture
  contextLength: number
}

export interface SizedModel extends ModelDemand {
  estimate: Estimate
  /** The Ollama that serves it: `cpu`, `gpu`, `gpu-1`, … */
  pool: string
}
