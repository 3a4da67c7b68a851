import { join } from 'node:path'
import { stringify } from 'yaml'
import type { ProcessArgs } from '../resources.ts'
import type { Settings } from '../settings.ts'
import { seconds } from '../units.ts'
import { localPaths } from './paths.ts'

/** One Chroma server: its configuration file, its data folder and how it is known to be ready. */
export function chromaProcess(settings: Settings, index: number): ProcessArgs {
  const paths = localPaths(settings.home)
  const name = `chroma-${index}`
  const port = settings.chroma.port + index
  const data = paths.chroma(index)
  const config = join(paths.state, `${name}.yaml`)
  return {
    tool: 'chroma',
    arguments: ['run', config],
    environment: {},
    files: {
      [config]: stringify({
        port,
        listen_address: '127.0.0.1',
        persist_path: data,
        allow_reset: false,
      }),
    },
    folders: [data],
    port,
    readyPath: '/api/v2/healthcheck',
    readyWithin: seconds(60),
    log: join(paths.logs, `${name}.log`),
    record: join(paths.processes, `${name}.json`),
  }
}
