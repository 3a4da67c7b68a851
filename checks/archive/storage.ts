import type { Readable } from 'node:stream'

/** Where archives are kept: each is a folder of files, which are there as a whole or not at all. */
export interface ArchiveStorage {
  /** As people know it: a folder, or s3://bucket/prefix. */
  readonly name: string
  /** Begins an archive, which is there once it is finished. */
  create(archive: string): Promise<NewArchive>
  /** The one that is there under this name, or at this very place. */
  open(): StoredArchive
}

export interface NewArchive {
  readonly name: string
  put(file: string, content: Readable): Promise<void>
  /** Puts the manifest in, with which the archive is there. */
  finish(manifest: string): Promise<void>
  /** Takes away what was put in. */
  abandon(): Promise<void>
}

export interface StoredArchive {
  readonly name: string
  /** undefined where there is no such file */
  read(file: string): Promise<Readable | undefined>
}
