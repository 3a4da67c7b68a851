import type { Readable } from 'node:stream'

/** Where archives are kept: each is a folder of files, which are there as a whole or not at all. */
export interface ArchiveStorage {
  /** As people know it: a folder, or s3://bucket/prefix. */
  readonly name: string
  /** Whether it is a folder of this machine, which on another machine is another. */
  readonly isFolder: boolean
  /** Begins an archive, which is there once it is finished. */
  create(archive: string): Promise<NewArchive>
  /** @param archive as it was named when it was made; the one at this very place when absent */
  open(archive?: string): StoredArchive
  /** Deletes what is there of an archive that was begun and did not come to its end; one that did stays. */
  clear(archive: string): Promise<void>
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
  /** Deletes it, with these files: its manifest first, since without it nothing is an archive. */
  remove(files: readonly string[]): Promise<void>
}
