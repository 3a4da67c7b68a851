import { plannedEnvironment } from '../capacity/environment.ts'
import type { ProcessArgs } from '../resources.ts'
import type { Settings } from '../settings.ts'
import { seconds } from '../units.ts'
import { localPaths } from './paths.ts'
import { ollamaPlace } from './places.ts'

/** The Ollama server with the planned context and parallelism as its defaults. */
export function ollamaProcess(settings: Settings): ProcessArgs {
  const paths = localPaths(settings.home)
  const place = ollamaPlace(settings)
  const { parallel, kvCacheType, keepAlive } = settings.ollama
  const chat = settings.models.find(({ definition }) => definition.role === 'chat')
  return {
    ...place,
    arguments: ['serve'],
    environment: {
      OLLAMA_HOST: `127.0.0.1:${place.port}`,
      OLLAMA_MODELS: paths.models,
      ...plannedEnvironment({ contextLength: chat!.contextLength, parallel, kvCache: kvCacheType }),
      OLLAMA_KEEP_ALIVE: keepAlive,
      OLLAMA_MAX_LOADED_MODELS: `${settings.models.length}`,
      // Pruning at the start would delete a partial pull.
      OLLAMA_NOPRUNE: '1',
      OLLAMA_NO_CLOUD: '1',
    },
    files: {},
    folders: [paths.models],
    readyPath: '/api/version',
    readyWithin: seconds(60),
  }
}
