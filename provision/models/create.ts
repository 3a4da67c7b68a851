import type { CreateRequest } from 'ollama'
import type { Task } from '../progress.ts'
import { clientOf, type OllamaStore } from './provisioning-client.ts'

/**
 * Has Ollama make a model, of files that it holds as blobs or from another model.
 * @param request.files path → `sha256:<hex>` of the blob; missing in the package's own type
 */
export async function createModel(
  request: CreateRequest & { files?: Record<string, string> },
  server: OllamaStore,
  task: Task,
): Promise<void> {
  const steps = await clientOf(server, task.signal).create({ ...request, stream: true })
  for await (const { status } of steps) task.report(status)
}
