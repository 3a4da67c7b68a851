import { existsSync } from 'node:fs'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { type Grant, grantTo } from '../../../checks/api/auth/grant.ts'
import { readKeyFile } from '../../../checks/api/auth/keys.ts'
import { Failure } from '../../../infra/failure.ts'
import { apiKeysOf } from '../../../infra/settings/home-paths.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { minutes } from '../../../infra/units.ts'
import { openStackFile } from '../../read-models.ts'
import { type CommandSpec, type Outcome, STACK_FLAGS, type StackOptions } from '../command.ts'
import { wholeNumber } from '../flags.ts'
import { type Counts, changeSecrets } from './change-secrets.ts'
import { changeOf, type TokenChange } from './token-changes.ts'

interface TokenOptions extends StackOptions, TokenChange {
  creator?: string
  service?: boolean
  monitor?: boolean
  minutes: number
  filesOnly?: boolean
}

/** Makes a token for the HTTP API, ends some, or has the stack's keys and tokens be others. */
export const token: CommandSpec<TokenOptions> = {
  name: 'token',
  description:
    "make a token for the HTTP API (--creator, --service or --monitor), end the tokens of one (--revoke), or change the stack's keys and tokens (--rotate)",
  options: [
    ...STACK_FLAGS,
    { flags: '--creator <id>', description: 'for what belongs to this creator, and nothing else' },
    { flags: '--service', description: 'for a back end: every creator, and the writing calls' },
    { flags: '--monitor', description: 'for who watches: statistics, models and metrics' },
    {
      flags: '--minutes <number>',
      description: 'how long it lives',
      default: 60,
      parse: wholeNumber(1, 366 * 24 * 60),
    },
    {
      flags: '--revoke',
      description:
        'end the tokens that were made until now: those of --creator <id>, --service or --monitor, or --all',
    },
    {
      flags: '--all',
      description: 'with --revoke: all of them, by a new key in place of all others',
    },
    { flags: '--rotate', description: 'sign with a new key from now on; older tokens stay valid' },
    {
      flags: '--servers',
      description:
        'with --rotate: the tokens of Chroma and Ollama, in place of the key; the old ones end at once',
    },
    {
      flags: '--files-only',
      description: 'change the files and deploy nothing: it counts after the next up, or pulumi up',
    },
  ],
  async run(options, { steps }) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { settings } = stack
    const grant = grantOf(options)
    const change = changeOf(options, settings, grant)
    if (change === undefined) return madeFor(required(grant), options, settings)

    const deploys = options.filesOnly !== true
    const { counts, exitCode } = await changeSecrets(stack, change.purpose, change.make, {
      deploys,
      steps,
    })
    const said = `${change.done}; ${describe(counts, settings.stack)}`
    const document = { stack: settings.stack, done: change.done, counts }
    const ended = exitCode === undefined ? {} : { exitCode }
    if (grant === undefined || options.revoke) return { text: said, document, ...ended }
    // The token alone goes to standard output, for those who put it into a variable.
    steps.note(said)
    const made = await madeFor(grant, options, settings)
    return { ...made, document: { ...document, ...made.document }, ...ended }
  },
}

function grantOf({ creator, service, monitor }: TokenOptions): Grant | undefined {
  const wanted = [
    ...(creator === undefined ? [] : [grantTo({ scope: 'creator', creator })]),
    ...(service ? [{ scope: 'service' as const }] : []),
    ...(monitor ? [{ scope: 'monitor' as const }] : []),
  ]
  if (wanted.length > 1) throw unclear()
  return wanted[0]
}

function required(grant: Grant | undefined): Grant {
  if (grant === undefined) throw unclear()
  return grant
}

const unclear = () =>
  new Failure('misused', 'A token is for one creator, for a service or for a monitor', {
    mend: 'npm run -s token -- --creator <id>, or --service, or --monitor',
  })

async function madeFor(
  grant: Grant,
  options: TokenOptions,
  { home, stack }: Settings,
): Promise<Outcome> {
  const keys = apiKeysOf(home)
  if (!existsSync(keys)) {
    throw new Failure('unavailable', `Stack ${stack} is not deployed: nothing signs its tokens`, {
      mend: `npm run up -- --stack ${stack}`,
    })
  }
  const made = await makeToken(await readKeyFile(keys), grant, minutes(options.minutes))
  return { text: made, document: { ...grant, token: made, minutes: options.minutes } }
}

function describe(counts: Counts, stack: string): string {
  if (counts === 'now') return 'this counts from now on'
  const up = `npm run up -- --stack ${stack}`
  return counts === 'once deployed'
    ? `this counts after the next ${up}, or pulumi up`
    : `this counts as soon as the API runs, which does not answer by it now (npm run status, ${up})`
}
