import { EMBEDDING_BATCH } from '../capacity/model/runtime.ts'
import type { OllamaPool } from '../outputs.ts'
import type { ModelArgs } from '../resources.ts'
import { lockRecordOf } from '../settings/home-paths.ts'
import { type ModelDefinition, servedName } from '../settings/model-definition.ts'
import { generationOf } from '../settings/ollama-version.ts'
import type { PlannedModel, Settings } from '../settings/parse-settings.ts'

/** A model of the stack as it is asked for from the Ollama of a pool, by the resource and by `npm run models` alike. */
export function modelArgs<Token = string>(
  { definition, contextLength }: PlannedModel,
  { modelMirror, pullDeadline, home, ollama }: Settings,
  { reach, modelsFolder }: OllamaPool,
  token?: Token,
): ModelArgs<Token> {
  return {
    definition,
    serves: servedName(definition.name, contextLength),
    contextLength,
    ...batchOf(definition, contextLength, ollama.version),
    ollama: { url: reach.url, modelsFolder, ...(token !== undefined && { token }) },
    mirror: modelMirror,
    deadline: pullDeadline,
    lockRecord: lockRecordOf(home),
  }
}

/**
 * From 0.30 on an embedding model takes a text in one batch, of 2048 tokens by itself: a longer context is real only
 * where the batch is as long. A model that takes texts in parts is left with it (provision/models/derived-model.ts).
 */
function batchOf({ role }: ModelDefinition, contextLength: number, version: string) {
  const isCut = role === 'embedding' && contextLength > EMBEDDING_BATCH
  return isCut && generationOf(version) === 'spawning' ? { batch: contextLength } : {}
}
