import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Failure } from '../../infra/failure.ts'
import { Owner } from '../../infra/ownership/owner.ts'
import { PROJECT } from '../../infra/project.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { changeJsonRecord, readJsonRecord } from '../json-record.ts'
import { CONTENTS } from './home-contents.ts'

/** A stack and its folder. */
type Home = Pick<Settings, 'home' | 'stack'>

const ownerFile = (home: string): string => join(localPaths(home).state, 'owner.json')

/** Files that every deployment of a version without owners has left in its state folder. */
const OF_OLDER = ['backend.json', 'outputs.json', 'tokens.json', 'api-keys.json']

/** What a command that was killed while it made the folder the stack's may leave in it. */
const OF_CLAIM = /^(owner\.json\..*|lock(\..*)?|\.writable-\d+)$/

/** Whose a home folder is, as it says itself; undefined where it says nothing. */
export const readOwner = (home: string): Promise<Owner | undefined> =>
  readJsonRecord(ownerFile(home), Owner)

/**
 * Whose the home folder of a stack is, or is about to be: of the stack, which an older version may have deployed.
 * Nothing is written.
 * @throws Failure `misused` when another stack has it, or when folders in it are there that nobody says are the stack's
 */
export async function ownerOf({ home, stack }: Home): Promise<Owner> {
  const found = await readOwner(home)
  if (found === undefined) return claimOf(home, stack)
  if (found.project === PROJECT && found.stack === stack) return found
  throw new Failure(
    'misused',
    `The folder ${home} is that of the stack ${found.stack} of ${found.project}; stack ${stack} cannot have it too`,
    { mend: ANOTHER_HOME },
  )
}

/**
 * Makes the home folder the stack's, before anything else is written to it.
 * @throws Failure as ownerOf does
 */
export async function claimHome(settings: Home): Promise<Owner> {
  const owner = await ownerOf(settings)
  if ((await readOwner(settings.home)) === undefined) await keepOwner(settings.home, owner)
  return owner
}

/** Whether the home folder is the stack's already. @throws Failure as ownerOf does */
export async function isClaimed(settings: Home): Promise<boolean> {
  const { older } = await ownerOf(settings)
  return older || (await readOwner(settings.home)) !== undefined
}

/** Writes down whose the home folder is. */
export async function keepOwner(home: string, owner: Owner): Promise<void> {
  if (isDeepStrictEqual(await readOwner(home), owner)) return
  await changeJsonRecord(ownerFile(home), Owner, () => owner)
}

async function claimOf(home: string, stack: string): Promise<Owner> {
  const { state } = localPaths(home)
  const older = (await entriesOf(state)).some(name => OF_OLDER.includes(name))
  if (!older) await requireNothing(home, stack)
  return { project: PROJECT, stack, older, adopted: [] }
}

/** What is there in the place of the stack's own folders would be taken for its data, and deleted with it. */
async function requireNothing(home: string, stack: string): Promise<void> {
  const taken: string[] = []
  for (const name of Object.keys(CONTENTS)) {
    const path = join(home, name)
    const found = await lstat(path).catch(() => undefined)
    if (found === undefined) continue
    const entries = (await entriesOf(path)).filter(entry => !OF_CLAIM.test(entry))
    if (!found.isDirectory() || entries.length > 0) taken.push(path)
  }
  if (taken.length === 0) return
  throw new Failure(
    'misused',
    `In the folder ${home} of stack ${stack} there is something that the stack did not make: ${taken.join(', ')}`,
    { mend: ANOTHER_HOME },
  )
}

const entriesOf = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

const ANOTHER_HOME = `choose another folder for this stack: ${PROJECT}:home`
