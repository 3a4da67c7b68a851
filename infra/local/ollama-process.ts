import { pullEnvironment } from '../egress/pull-environment.ts'
import type { ProcessArgs } from '../resources.ts'
import { ollamaEnvironment } from '../servers/ollama-environment.ts'
import { localPaths } from '../settings/home-paths.ts'
import type { Settings } from '../settings/parse-settings.ts'
import { seconds } from '../units.ts'
import { ollamaPlace } from './local-servers.ts'

/** The Ollama server with the planned context and parallelism as its defaults. */
export function ollamaProcess(settings: Settings): ProcessArgs {
  const paths = localPaths(settings.home)
  const place = ollamaPlace(settings)
  return {
    ...place,
    arguments: ['serve'],
    toolVersion: settings.ollama.version,
    environment: {
      ...ollamaEnvironment(settings, {
        port: place.port,
        modelsFolder: paths.models,
        models: settings.models.length,
      }),
      ...pullEnvironment(settings.egress),
      ...settings.egress.certificates,
    },
    files: {},
    folders: [paths.models],
    readyPath: '/api/version',
    readyWithin: seconds(60),
  }
}
