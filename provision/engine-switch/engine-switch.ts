import { generationOf, UNRECORDED_OLLAMA } from '../../infra/settings/ollama-version.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { recordedServer } from '../../infra/settings/server-version.ts'
import { recordedLayout } from '../ownership/recorded-layout.ts'

/** A stack's data that an Ollama of another generation is about to be asked with. */
export interface EngineSwitch {
  from: string
  to: string
}

/** @returns undefined where there is no data, or Ollama runs models as it did when the data came in */
export async function engineSwitchOf(settings: Settings): Promise<EngineSwitch | undefined> {
  if ((await recordedLayout(settings)) === undefined) return undefined
  const from = recordedServer('ollama', settings.home)?.version ?? UNRECORDED_OLLAMA
  const to = settings.ollama.version
  return generationOf(from) === generationOf(to) ? undefined : { from, to }
}
