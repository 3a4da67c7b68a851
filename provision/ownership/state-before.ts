import { type PreviousState, stateOf } from '../../infra/known-resources.ts'
import type { Settings } from '../../infra/settings.ts'
import { ownerOf } from './home.ts'

/**
 * What Pulumi knows of a stack, where an update of it has begun from this home folder. The engine ends with a panic over
 * a stack that was made and never updated (3.250, GetStackResourceOutputs in pkg/backend/backend.go).
 */
export async function stateBefore(
  settings: Settings,
  read: () => Promise<PreviousState>,
): Promise<PreviousState> {
  const { id, older } = await ownerOf(settings)
  return id !== undefined || older ? read() : stateOf([])
}
