import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { writePrivateFile } from '../../infra/private-files.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { readJsonRecord } from '../json-record.ts'
import { ensurePassphrase, passphraseFile } from './passphrase.ts'

/** Where Pulumi keeps the state of a stack, and what the engine must be told to use it. */
export interface Backend {
  url: string
  /** The project's own file backend, or the one that the user is logged in to. */
  own: boolean
  /** Beyond the user's; what is undefined is taken out of it. */
  env: Record<string, string | undefined>
}

const Recorded = z.object({ backend: z.string() })

/**
 * The user's own backend when there is one (PULUMI_BACKEND_URL, or `pulumi login`), else files in the stack's
 * folder with a passphrase made for them.
 * @throws Failure `misused` when this folder was deployed with another backend: two states of the same ports
 *   and folders would undo each other
 */
export async function chooseBackend(settings: Settings, env: NodeJS.ProcessEnv): Promise<Backend> {
  const { state } = localPaths(settings.home)
  const ours = pathToFileURL(ownFolder(settings)).href
  const users = await usersBackend(env)
  const own = users === undefined || sameBackend(users, ours)
  const url = own ? ours : users
  const recorded = (await readJsonRecord(recordFile(state), Recorded))?.backend
  if (recorded !== undefined && !sameBackend(recorded, url)) {
    throw new Failure(
      'misused',
      `Stack ${settings.stack} in ${settings.home} has its state in ${recorded}; now it would be ${url}, a second state of the same ports and folders`,
      { mend: `PULUMI_BACKEND_URL='${recorded}' npm run up -- --stack ${settings.stack}` },
    )
  }
  const secrets = own ? ownSecrets(state) : usersSecrets(env)
  return { url, own, env: { PULUMI_BACKEND_URL: url, ...secrets } }
}

/** The folder of the project's own file backend. */
export const ownFolder = ({ home }: Settings): string => join(localPaths(home).state, 'pulumi')

/**
 * Makes what the own backend needs, and writes down which backend it is.
 * @throws Failure `misused` when the state is there and the passphrase that it was encrypted with is not
 */
export async function prepareBackend(settings: Settings, backend: Backend): Promise<void> {
  const { state } = localPaths(settings.home)
  if (backend.own) await ensurePassphrase(state, ownFolder(settings), settings.stack)
  // Written once: on a full disk it could not be written again.
  if ((await readJsonRecord(recordFile(state), Recorded))?.backend === backend.url) return
  const recorded: z.infer<typeof Recorded> = { backend: backend.url }
  await writePrivateFile(recordFile(state), JSON.stringify(recorded))
}

/** Without one that is relative to this process's folder: the engine's may be another. */
async function usersBackend(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const url = env.PULUMI_BACKEND_URL || (await loggedInTo(env))
  if (url === undefined || !/^file:\/\/[^/~]/.test(url)) return url
  const query = url.split('?').slice(1)
  return [pathToFileURL(String(folderOf(url))).href, ...query].join('?')
}

async function loggedInTo(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const file = join(env.PULUMI_HOME || join(env.HOME ?? homedir(), '.pulumi'), 'credentials.json')
  const credentials = await readFile(file, 'utf8').catch(() => '{}')
  return JSON.parse(credentials).current || undefined
}

/** The stack's own passphrase, and not the one that the shell has for other projects, which Pulumi would prefer. */
const ownSecrets = (state: string) => ({
  PULUMI_CONFIG_PASSPHRASE: undefined,
  PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(state),
})

const usersSecrets = ({ PULUMI_CONFIG_PASSPHRASE_FILE: file }: NodeJS.ProcessEnv) =>
  file ? { PULUMI_CONFIG_PASSPHRASE_FILE: resolve(file) } : {}

const recordFile = (state: string): string => join(state, 'backend.json')

const FILE = 'file://'

/**
 * The folder of a file backend, however its URL is written: the engine takes blanks and umlauts as they are and
 * percent-encoded, a `~` of the home folder, and a path relative to where it runs.
 * @returns undefined for a backend of another kind
 */
function folderOf(url: string): string | undefined {
  if (!url.startsWith(FILE)) return undefined
  const path = decoded(url.slice(FILE.length).split('?')[0] ?? '')
  return path.startsWith('~') ? join(homedir(), path.slice(1)) : resolve(path)
}

const sameBackend = (one: string, other: string): boolean =>
  one === other || (folderOf(one) !== undefined && folderOf(one) === folderOf(other))

/** As it is where it cannot be decoded: the engine says what is wrong with it. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
