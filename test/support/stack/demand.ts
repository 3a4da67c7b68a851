import type { Node } from '../../../infra/capacity/hardware/hardware.ts'
import type { ModelDemand } from '../../../infra/capacity/sized-model.ts'
import type { StackDemand } from '../../../infra/capacity/stack.ts'
import { catalogArchitecture } from '../../../infra/capacity/stack-plan.ts'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import { GiB } from '../../../infra/units.ts'

/** A model of the catalog, as a stack demands it. */
export function modelDemand(name: string, contextLength: number): ModelDemand {
  const definition = findModel(name)!
  const architecture = catalogArchitecture(definition)
  return { name: definition.name, role: definition.role, architecture, contextLength }
}

/** nomic-embed-text and a chat model, with little data. */
export const stackDemand = (chat: string, contextLength = 8192): StackDemand => ({
  ollama: '0.17.4',
  parallel: 1,
  kvCache: 'f16',
  models: [modelDemand('nomic-embed-text', 2048), modelDemand(chat, contextLength)],
  data: {
    creators: 1000,
    chunksPerCreator: 3,
    dimensions: 768,
    metadataBytes: 1000,
    shards: 10,
    instances: 1,
  },
  authProxies: false,
})

export const machineOf = (gib: number, changes: Partial<Node> = {}): Node => ({
  name: 'this machine',
  cpu: 4,
  memory: Math.floor(gib * GiB),
  disk: 100 * GiB,
  gpus: [],
  source: 'memory available now',
  ...changes,
})
