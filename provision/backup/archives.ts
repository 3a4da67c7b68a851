import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { FolderStorage } from '../../checks/archive/folder-storage.ts'
import type { ArchiveStorage } from '../../checks/archive/storage.ts'
import { Failure } from '../../infra/failure.ts'

/**
 * The storage that somebody names: a folder of this machine, or `s3://bucket/prefix`.
 * @param endpoint of storage of S3's kind; where absent, the AWS variables say so
 * @throws Failure `misused` for an address of another kind
 */
export async function storageAt(place: string, endpoint?: string): Promise<ArchiveStorage> {
  const [, scheme, bucket = '', prefix = ''] = /^(\w+):\/\/([^/]*)\/?(.*?)\/*$/.exec(place) ?? []
  if (scheme === undefined) return new FolderStorage(resolve(place))
  if (scheme === 's3' && bucket !== '') {
    // It takes a while to load, and few need it.
    const { S3Storage } = await import('../../checks/archive/s3-storage.ts')
    return new S3Storage({ bucket, prefix, endpoint })
  }
  throw new Failure(
    'misused',
    `${place} is no place for archives; allowed are a folder and s3://BUCKET/PREFIX`,
  )
}

/**
 * The identities of age in a file: one in a line, as age-keygen writes them.
 * @throws Failure `misused` where there is none
 */
export async function identitiesIn(path: string | undefined): Promise<string[]> {
  if (path === undefined) return []
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new Failure('misused', `${path} cannot be read: ${cause.message}`, {
      mend: 'give the file that age-keygen wrote: --identity FILE',
      cause,
    })
  })
  const lines = text.split('\n').map(line => line.trim())
  const identities = lines.filter(line => line.startsWith('AGE-SECRET-KEY-'))
  if (identities.length > 0) return identities
  // What is in it may be a secret of another kind, so none of it is told.
  throw new Failure('misused', `${path} has no identity of age in it`, {
    mend: 'give the file that age-keygen wrote, with AGE-SECRET-KEY-1… in it',
  })
}
