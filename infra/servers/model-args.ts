import type { OllamaPool } from '../outputs.ts'
import type { ModelArgs } from '../resources.ts'
import { lockRecordOf } from '../settings/home-paths.ts'
import { servedName } from '../settings/model-definition.ts'
import type { PlannedModel, Settings } from '../settings/parse-settings.ts'

/** A model of the stack as it is asked for from the Ollama of a pool, by the resource and by `npm run models` alike. */
export function modelArgs<Token = string>(
  { definition, contextLength }: PlannedModel,
  { modelMirror, pullDeadline, home }: Settings,
  { reach, modelsFolder }: OllamaPool,
  token?: Token,
): ModelArgs<Token> {
  return {
    definition,
    serves: servedName(definition.name, contextLength),
    contextLength,
    ollama: { url: reach.url, modelsFolder, ...(token !== undefined && { token }) },
    mirror: modelMirror,
    deadline: pullDeadline,
    lockRecord: lockRecordOf(home),
  }
}
