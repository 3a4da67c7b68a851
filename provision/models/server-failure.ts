import { type Failure, reasonOf } from '../../infra/failure.ts'
import { isConnectionLost, type OllamaStore, silent } from './provisioning-client.ts'
import { diskFull, isDiskFull } from './space.ts'

/**
 * What no other source would mend: the server went away, or its disk is full.
 * @param name the model that was being worked on
 * @returns undefined for every other error
 */
export async function serverFailure(
  error: unknown,
  name: string,
  server: OllamaStore,
): Promise<Failure | undefined> {
  const reason = reasonOf(error)
  if (isDiskFull(reason)) return diskFull(name, server)
  if (isConnectionLost(error)) return silent(server, reason)
  return undefined
}
