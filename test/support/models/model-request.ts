import { findModel } from '../../../infra/settings/model-catalog.ts'
import type { ModelDefinition } from '../../../infra/settings/model-definition.ts'
import { minutes } from '../../../infra/units.ts'
import type { ModelRequest } from '../../../provision/models/model-job.ts'

/** A request for a model of the catalog, served with a context of 512 tokens. */
export function requestFor(name: string, changes: Partial<ModelRequest> = {}): ModelRequest {
  const definition: ModelDefinition = findModel(name)!
  return {
    definition,
    serves: `${definition.name}-ctx512`,
    contextLength: 512,
    deadline: minutes(1),
    ...changes,
  }
}
