import { once } from 'node:events'
import { readCallers } from '../../../checks/api/api-environment.ts'
import { startApi } from '../../../checks/api/start.ts'
import { apiEnvironment } from '../../../infra/servers/api-environment.ts'
import { apiKeysOf } from '../../../infra/settings/home-paths.ts'
import { API_PORT } from '../../../infra/settings/settings-schema.ts'
import { chosenDeployment } from '../../deployed.ts'
import { type CommandSpec, type StackOptions, TARGET_FLAGS } from '../command.ts'
import { portFlag } from '../flags.ts'

interface ApiOptions extends Partial<StackOptions> {
  port: number
  keys?: string
}

/** The HTTP API in the foreground, in front of a stack or of the deployment that the environment variables name. */
export const api: CommandSpec<ApiOptions> = {
  name: 'api',
  description: 'serve the HTTP API in the foreground',
  options: [
    ...TARGET_FLAGS,
    portFlag('loopback port', API_PORT),
    {
      flags: '--keys <file>',
      description: "keys that tokens are signed with (default: the stack's)",
    },
  ],
  async run(options, { steps, signal }) {
    const { outputs, settings } = await chosenDeployment(options, steps)
    const keyFile = options.keys ?? (settings && apiKeysOf(settings.home))
    const { port } = options
    // Of its stack it knows what the deployed one is told of it, and not what that listens on.
    const callers = settings && readCallers(apiEnvironment(settings))
    const { url, stop } = await startApi({ ...callers, outputs, keyFile, port, logLevel: 'info' })
    steps.note(`Serving ${url}, described by ${url}/openapi.json; Ctrl-C ends it`)
    if (!signal.aborted) await once(signal, 'abort')
    await stop()
    return { text: 'The API has ended', document: { url } }
  },
}
