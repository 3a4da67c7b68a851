import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '../../infra/failure.ts'
import { makePrivateFolder, PRIVATE_FILE, PRIVATE_FOLDER } from '../../infra/private-files.ts'
import { syncFile } from '../../infra/sync-file.ts'
import { isOfArchive, MANIFEST } from './manifest.ts'
import { README } from './readme.ts'
import type { ArchiveStorage, NewArchive, StoredArchive } from './storage.ts'

/** A folder of this machine. An archive under way has another name than one that is there. */
export class FolderStorage implements ArchiveStorage {
  readonly name: string
  readonly isFolder = true

  constructor(folder: string) {
    this.name = folder
  }

  async create(archive: string): Promise<NewArchive> {
    const folder = join(this.name, archive)
    const partial = partialOf(folder)
    await explained(folder, async () => {
      await makePrivateFolder(this.name)
      // One that is there is somebody else's, or of a backup that was killed.
      await mkdir(partial, { mode: PRIVATE_FOLDER })
    })
    const put = (file: string, content: Readable | Iterable<string>) =>
      explained(folder, async () => {
        const path = join(partial, file)
        await pipeline(content, createWriteStream(path, { mode: PRIVATE_FILE, flags: 'wx' }))
        await syncFile(path)
      })
    return {
      name: folder,
      put,
      async finish(manifest) {
        await put(MANIFEST, [manifest])
        await explained(folder, () => rename(partial, folder))
      },
      abandon: () => rm(partial, { recursive: true, force: true }),
    }
  }

  clear(folder: string): Promise<void> {
    const partial = partialOf(folder)
    return explained(folder, async () => {
      const names = await readdir(partial).catch(() => [])
      for (const name of names.filter(isOfArchive)) await rm(join(partial, name))
      // What somebody put beside it stays.
      await rmdir(partial).catch(() => undefined)
    })
  }

  open(folder = this.name): StoredArchive {
    return {
      name: folder,
      remove: files =>
        explained(folder, async () => {
          for (const file of [MANIFEST, ...files, README]) {
            await rm(join(folder, file), { force: true })
          }
          // What somebody put beside it stays.
          await rmdir(folder).catch(() => undefined)
        }),
      read: async file => {
        const path = join(folder, file)
        const isThere = await access(path).then(
          () => true,
          () => false,
        )
        return isThere ? createReadStream(path) : undefined
      },
    }
  }
}

const partialOf = (folder: string): string => `${folder}.partial`

/** @throws Failure `unavailable` in the system's words for what cannot be written */
async function explained(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    const { message } = cause as Error
    throw new Failure('unavailable', `${folder} cannot be written: ${message}`, {
      mend: 'make room there, or name another place: --to',
      cause,
    })
  }
}
