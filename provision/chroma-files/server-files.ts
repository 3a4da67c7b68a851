import type { Erased } from '../../checks/chroma-files/erase-files.ts'
import type { FileWaste } from '../../checks/chroma-files/file-waste.ts'
import { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { counted, formatBytes, formatDuration, MiB } from '../../infra/units.ts'
import type { CommandContext } from '../commands/command.ts'
import { commandsFor } from '../targets/targets.ts'

/** What the files of a server were found to hold beside its data, and what was taken out of them. */
export interface ServerWaste extends FileWaste {
  instance: number
  erased?: Erased
}

/** Free pages are of use: what is written next goes there. Beyond so much, and so much of it all, they are not. */
const MOST_FREE = 64 * MiB
const MOST_FREE_PART = 0.25

/**
 * Looks at the files of a stack's Chroma servers. Where nobody can, it is told and the rest goes on.
 * @param instances how many there are
 * @param isTidied whether what is deleted is taken out of those that hold much of it
 */
export async function serverFiles(
  settings: Settings,
  instances: number,
  isTidied: boolean,
  { steps, signal }: CommandContext,
): Promise<ServerWaste[]> {
  const target = await commandsFor(settings)
  const ask = (instance: number, erase: boolean) =>
    target.besideData(settings, instance, { traces: '', erase }, signal)
  const found: ServerWaste[] = []
  try {
    await steps.run(
      'files',
      async ({ report }) => {
        for (let instance = 0; instance < instances; instance += 1) {
          report(`Chroma server ${instance}`)
          const looked = await ask(instance, false)
          const { waste, erased } =
            isTidied && isWasteful(looked.waste!) ? await ask(instance, true) : looked
          found.push({ instance, ...waste!, ...(erased && { erased }) })
        }
      },
      () => `${counted(found.length, 'server')} looked at`,
    )
  } catch (error) {
    if (!(error instanceof Failure) || error.kind === 'interrupted') throw error
    steps.note(`The files of the servers could not be looked at: ${error.message}`)
  }
  return found
}

const isWasteful = ({ database, free, folders }: FileWaste): boolean =>
  folders.length > 0 || (free > MOST_FREE && free > database * MOST_FREE_PART)

/** For people; nothing where all is of use. */
export function describeFiles(server: ServerWaste, again: string): string[] {
  const { instance, database, free, folders, erased } = server
  const name = `Files of Chroma server ${instance}`
  if (erased !== undefined) {
    return [
      `${name}: the database has ${formatBytes(erased.after)} in place of ${formatBytes(erased.before)}, and ${counted(erased.folders.length, 'folder')} of deleted indexes removed; its answers waited for ${formatDuration(erased.took)}`,
    ]
  }
  if (!isWasteful(server)) return []
  return [
    `${name}: ${formatBytes(free)} of ${formatBytes(database)} of the database are free, and ${counted(folders.length, 'folder')} of deleted indexes are left`,
    `  → take them out: ${again}`,
  ]
}
