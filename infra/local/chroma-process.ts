import type { ProcessArgs } from '../resources.ts'
import { CHROMA_READY, chromaConfig } from '../servers/chroma-spec.ts'
import { roomFileOf } from '../servers/chroma-watchdog.ts'
import { localPaths } from '../settings/home-paths.ts'
import type { Settings } from '../settings/parse-settings.ts'
import { seconds } from '../units.ts'
import { chromaPlace } from './local-servers.ts'

/** One Chroma server: its configuration file, its data folder and how it is known to be ready. */
export function chromaProcess(settings: Settings, index: number): ProcessArgs {
  const paths = localPaths(settings.home)
  const place = chromaPlace(settings, index)
  const data = paths.chroma(index)
  const config = paths.chromaConfig(index)
  return {
    ...place,
    arguments: ['run', config],
    toolVersion: settings.chroma.version,
    // For the watchdog that it runs under (infra/servers/chroma-watchdog.sh).
    environment: { KNOWLEDGE_CHROMA_DATA: data, KNOWLEDGE_ROOM_FILE: roomFileOf(data) },
    files: { [config]: chromaConfig(place.port, data) },
    folders: [data],
    readyPath: CHROMA_READY,
    readyWithin: seconds(60),
  }
}
