import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { localPaths } from '../../infra/local/paths.ts'
import type { Settings } from '../../infra/settings.ts'

/** Where Pulumi keeps the state of a stack, and what the engine must be told to use it. */
export interface Backend {
  url: string
  /** The project's own file backend, or the one that the user is logged in to. */
  own: boolean
  env: Record<string, string>
}

const Recorded = z.object({ backend: z.string() })

/**
 * The user's own backend when there is one (PULUMI_BACKEND_URL, or `pulumi login`), else files in the stack's
 * folder with a passphrase made for them.
 * @throws Failure `misused` when this folder was deployed with another backend: two states of the same ports
 *   and folders would undo each other
 */
export async function chooseBackend(settings: Settings, env: NodeJS.ProcessEnv): Promise<Backend> {
  const state = localPaths(settings.home).state
  const users = await usersBackend(env)
  const url = users ?? pathToFileURL(join(state, 'pulumi')).href
  const recorded = await readRecorded(state)
  if (recorded !== undefined && recorded !== url) {
    throw new Failure(
      'misused',
      `Stack ${settings.stack} in ${settings.home} has its state in ${recorded}; now it would be ${url}, a second state of the same ports and folders`,
      { mend: `PULUMI_BACKEND_URL='${recorded}' npm run up -- --stack ${settings.stack}` },
    )
  }
  return {
    url,
    own: users === undefined,
    env: { PULUMI_BACKEND_URL: url, ...(users === undefined ? ownSecrets(state) : {}) },
  }
}

/** Makes what the own backend needs, and writes down which backend it is. */
export async function prepareBackend(settings: Settings, backend: Backend): Promise<void> {
  const state = localPaths(settings.home).state
  await mkdir(join(state, 'pulumi'), { recursive: true })
  // `wx`: a passphrase once made stays, the state cannot be read without it.
  await writeFile(passphraseFile(state), randomBytes(32).toString('hex'), {
    mode: 0o600,
    flag: 'wx',
  }).catch(ignoreExisting)
  // Written once: on a full disk nothing would be left of it.
  if ((await readRecorded(state)) === backend.url) return
  await writeFile(
    recordFile(state),
    JSON.stringify({ backend: backend.url } satisfies z.infer<typeof Recorded>),
  )
}

async function usersBackend(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (env.PULUMI_BACKEND_URL) return env.PULUMI_BACKEND_URL
  const file = join(env.PULUMI_HOME || join(env.HOME ?? homedir(), '.pulumi'), 'credentials.json')
  const credentials = await readFile(file, 'utf8').catch(() => '{}')
  return JSON.parse(credentials).current || undefined
}

async function readRecorded(state: string): Promise<string | undefined> {
  const text = await readFile(recordFile(state), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Recorded.parse(JSON.parse(text)).backend
}

const ownSecrets = (state: string) => ({ PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(state) })
const passphraseFile = (state: string): string => join(state, 'passphrase')
const recordFile = (state: string): string => join(state, 'backend.json')

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
