import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../infra/failure.ts'
import { makePrivateFolder, writePrivateFile } from '../../infra/private-files.ts'
import { PROJECT } from '../../infra/project.ts'

/** What encrypts the secrets in the state of the own backend; the state cannot be read without it. */
export const passphraseFile = (state: string): string => join(state, 'passphrase')

/** Whether a file backend has the state of a stack. Source: pkg/backend/diy/store.go of pulumi/pulumi. */
export const hasState = (backend: string, stack: string): boolean =>
  ['.json', '.json.gz'].some(ending =>
    existsSync(join(backend, '.pulumi', 'stacks', PROJECT, `${stack}${ending}`)),
  )

/**
 * Makes the passphrase of a stack before there is a state of it, once.
 * @param state folder of what the project remembers
 * @param backend folder of the own backend, which is made too
 * @throws Failure `misused` when the state is there and the passphrase is not: another would not open it
 */
export async function ensurePassphrase(
  state: string,
  backend: string,
  stack: string,
): Promise<void> {
  await makePrivateFolder(backend)
  const file = passphraseFile(state)
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (hasState(backend, stack)) {
    if (kept === undefined) throw wrongPassphrase(file, stack, 'is not there')
    return
  }
  // An empty one is what a kill left of the writing.
  if (!kept) await writePrivateFile(file, randomBytes(32).toString('hex'))
}

/**
 * What the engine's words about a passphrase mean for this stack; undefined where they are about something else.
 * @param file the stack's own; undefined where the backend is the user's
 */
export function passphraseProblem(
  errors: readonly string[],
  file: string | undefined,
  stack: string,
): Failure | undefined {
  if (!errors.some(error => /incorrect passphrase|passphrase must be set/.test(error))) return
  if (file !== undefined) return wrongPassphrase(file, stack, 'does not hold it')
  return new Failure(
    'misused',
    `The state of stack ${stack} was encrypted with another passphrase than PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE gives`,
    { mend: 'set PULUMI_CONFIG_PASSPHRASE to the one that the stack was made with' },
  )
}

const wrongPassphrase = (file: string, stack: string, how: string): Failure =>
  new Failure(
    'misused',
    `The state of stack ${stack} was encrypted with a passphrase, and ${file} ${how}`,
    {
      mend: `restore ${file} from a backup; if PULUMI_CONFIG_PASSPHRASE was set when the stack was made, write its value into that file`,
    },
  )
