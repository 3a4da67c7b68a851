import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backup } from '../../../checks/archive/backup.ts'
import { restore } from '../../../checks/archive/restore.ts'
import { S3Storage } from '../../../checks/archive/s3-storage.ts'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { type RunningS3, startS3 } from '../../support/archive/s3-server.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 512
/** Some 8 MB: more than goes up in one part. */
const CHUNKS = 4000

describe('archives on an S3 server', () => {
  let s3: RunningS3
  let servers: RunningChroma[]
  let folder: string
  let source: ConnectedDeployment
  let other: ConnectedDeployment
  const signal = AbortSignal.timeout(600_000)

  beforeAll(async () => {
    s3 = await startS3()
    servers = [await startChroma(), await startChroma()]
    folder = await mkdtemp(join(tmpdir(), 'archives-s3-'))
    const open = (index: number, shards: number) =>
      openDeployment(outputsOf({ chroma: [servers[index]!.url], dimensions: DIMENSION, shards }))
    source = await open(0, 5)
    other = await open(1, 7)
    const chunks = Array.from({ length: CHUNKS }, (_, index) => ({
      text: `${index} ${randomBytes(20).toString('hex')}`,
      vector: vectorFor(`${index}`, DIMENSION),
    }))
    await source.knowledge().upsert(new Map([['ada', [{ id: 'a', chunks }]]]))
  })
  afterAll(async () => {
    await source?.close()
    await other?.close()
    for (const server of servers ?? []) await server.stop()
    await s3?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const storageAt = (prefix: string, env: NodeJS.ProcessEnv = {}, bucket = 'archives') => {
    Object.assign(process.env, s3.env, env)
    return new S3Storage({ bucket, prefix })
  }
  const save = (storage: S3Storage, stop = signal, recipients: string[] = []) =>
    backup(source.knowledge(), storage, {
      stack: 'test',
      versions: {},
      recipients,
      folder: join(folder, 'backup'),
      now: new Date('2026-11-28T09:00:00Z'),
      signal: stop,
      report() {},
    })
  const putBack = (prefix: string, identities: string[] = []) =>
    restore(other.knowledge(), storageAt(prefix).open(), {
      there: 'replace',
      embedAnew: false,
      forgotten: new Map(),
      identities,
      folder: join(folder, 'restore'),
      signal,
      report() {},
    })
  const stored = (prefix: string) =>
    readdir(join(s3.folder, 'archives', prefix)).catch(() => [] as string[])

  it('are there, and come back from there', async () => {
    const saved = await save(storageAt('nightly'))
    expect(saved.archive).toBe('s3://archives/nightly/test-20261128T090000Z')
    const prefix = 'nightly/test-20261128T090000Z'
    expect((await stored(prefix)).sort()).toEqual([
      'README.txt',
      'manifest.json',
      'records-00000.parquet',
    ])
    expect(await putBack(prefix)).toMatchObject({ written: 1, records: CHUNKS })
    const texts = async (deployment: ConnectedDeployment) =>
      (await deployment.knowledge().creator('ada').get({}, { limit: 1000 })).map(({ text }) => text)
    expect(await texts(other)).toEqual(await texts(source))
  })

  it('go as a whole, and what somebody else put beside them stays', async () => {
    const storage = storageAt('old')
    const { archive, files } = await save(storage)
    expect(files).toBe(1)
    const prefix = 'old/test-20261128T090000Z'
    await writeFile(join(s3.folder, 'archives', prefix, 'notes.txt'), 'mine')
    await storage.open(archive).remove(['records-00000.parquet'])
    expect(await stored(prefix)).toEqual(['notes.txt'])
  })

  it('are deleted when they did not come to their end, and what somebody else put beside them stays', async () => {
    const storage = storageAt('killed')
    const half = await storage.create('half')
    await half.put('records-00000.parquet', Readable.from(['half']))
    await writeFile(join(s3.folder, 'archives', 'killed/half', 'notes.txt'), 'mine')
    await storage.clear(half.name)
    expect(await stored('killed/half')).toEqual(['notes.txt'])
    const { archive } = await save(storage)
    await storage.clear(archive)
    expect(await stored('killed/test-20261128T090000Z')).toContain('manifest.json')
  })

  it('are encrypted with a key of age', async () => {
    const identity = await generateIdentity()
    await save(storageAt('secret'), signal, [await identityToRecipient(identity)])
    const prefix = 'secret/test-20261128T090000Z'
    expect(await stored(prefix)).toContain('records-00000.parquet.age')
    await expect(putBack(prefix)).rejects.toMatchObject({ kind: 'misused' })
    expect(await putBack(prefix, [identity])).toMatchObject({ written: 1 })
  })

  it('are not there where there is no manifest', async () => {
    await expect(putBack('nobody')).rejects.toMatchObject({
      kind: 'misused',
      message:
        's3://archives/nobody is no archive that can be restored: there is no manifest.json in it',
    })
  })

  it('are not there when the backup did not come to its end', async () => {
    const stopped = new AbortController()
    const ended = backup(source.knowledge(), storageAt('stopped'), {
      stack: 'test',
      versions: {},
      recipients: [],
      folder: join(folder, 'backup'),
      now: new Date('2026-11-28T09:00:00Z'),
      signal: stopped.signal,
      report: () => stopped.abort(),
    })
    await expect(ended).rejects.toThrow()
    expect(await stored('stopped/test-20261128T090000Z')).not.toContain('manifest.json')
  })

  it.each([
    ['a wrong key', { AWS_SECRET_ACCESS_KEY: 'wrong-key-of-nobody' }, 'archives', 'misused'],
    ['a bucket that is not there', {}, 'nowhere', 'misused'],
    [
      'a server that is not there',
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
      'archives',
      'unavailable',
    ],
  ])('are refused with %s, by the names of what is to be set', async (_, env, bucket, kind) => {
    const failure = await save(storageAt('refused', env, bucket)).catch(error => error)
    expect(failure).toMatchObject({
      kind,
      message: expect.stringContaining(`s3://${bucket}/refused`),
      mend: expect.stringContaining('AWS_ENDPOINT_URL'),
    })
    expect(failure.message).not.toContain('wrong-key-of-nobody')
  })
})
