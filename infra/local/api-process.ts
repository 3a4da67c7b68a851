import { join } from 'node:path'
import type { ProcessArgs } from '../resources.ts'
import { apiEnvironment } from '../servers/api-environment.ts'
import { API_READY } from '../servers/api-spec.ts'
import { apiKeysOf, localPaths } from '../settings/home-paths.ts'
import type { Settings } from '../settings/parse-settings.ts'
import { seconds } from '../units.ts'
import { apiPlace, placesOf } from './local-servers.ts'

/**
 * The HTTP API of a deployment, as a process.
 * @param outputs the deployment's outputs as JSON, or what becomes it
 */
export function apiProcess<Text>(
  settings: Settings,
  outputs: Text,
): Omit<ProcessArgs, 'files'> & { files: Record<string, Text> } {
  const place = apiPlace(settings)
  const file = join(localPaths(settings.home).state, 'outputs.json')
  const keys = apiKeysOf(settings.home)
  return {
    ...place,
    arguments: [],
    environment: {
      ...apiEnvironment(settings),
      KNOWLEDGE_API_OUTPUTS: file,
      KNOWLEDGE_API_KEYS: keys,
      KNOWLEDGE_API_LOGS: JSON.stringify(placesOf(settings).map(({ log }) => log)),
    },
    files: { [file]: outputs },
    folders: [],
    keyFile: keys,
    readyPath: API_READY,
    readyWithin: seconds(60),
  }
}
