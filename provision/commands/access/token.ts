import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { readKeyFile, rotateKeyFile } from '../../../checks/api/auth/keys.ts'
import { Failure } from '../../../infra/failure.ts'
import { apiKeysOf } from '../../../infra/settings/home-paths.ts'
import { readStackFile } from '../../../infra/settings/settings-file.ts'
import { minutes } from '../../../infra/units.ts'
import { withStackLock } from '../../stack-lock.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { wholeNumber } from '../whole-number.ts'

interface TokenOptions extends StackOptions {
  creator?: string
  service?: boolean
  minutes: number
  rotate?: boolean
}

/** Makes a token for the creators' routes of the HTTP API. */
export const token: CommandSpec<TokenOptions> = {
  name: 'token',
  description: "make a token for the HTTP API: one creator's, or a back end's that acts for all",
  options: [
    ...STACK_FLAGS,
    { flags: '--creator <id>', description: 'for what belongs to this creator, and nothing else' },
    { flags: '--service', description: 'for a back end: every creator, and the writing calls' },
    {
      flags: '--minutes <number>',
      description: 'how long it lives',
      default: 60,
      parse: wholeNumber(1, 366 * 24 * 60),
    },
    { flags: '--rotate', description: 'sign with a new key from now on; older tokens stay valid' },
  ],
  async run(options) {
    const { settings } = await readStackFile(options.stack, options.configFile)
    const { creator, service } = options
    if ((creator === undefined) === (service === undefined)) {
      throw new Failure('misused', 'A token is either for one creator or for a service', {
        mend: 'npm run -s token -- --creator <id>, or --service',
      })
    }
    const file = apiKeysOf(settings.home)
    if (options.rotate) {
      const purpose = `token --rotate of stack ${settings.stack}`
      await withStackLock(settings, purpose, () => rotateKeyFile(file))
    }
    const grant =
      creator === undefined
        ? ({ scope: 'service' } as const)
        : ({ scope: 'creator', creator } as const)
    const made = await makeToken(await readKeyFile(file), grant, minutes(options.minutes))
    return { text: made, document: { ...grant, token: made, minutes: options.minutes } }
  },
}
