import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blobPath, type ManifestLayer } from '../../../checks/models/model-files.ts'
import { type MirrorServer, serveMirror } from '../../../provision/models/model-mirror.ts'
import { storeModel } from '../../support/store/test-store.ts'

describe('the mirror', () => {
  let folder: string
  let mirror: MirrorServer
  let layers: ManifestLayer[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mirror-'))
    const gguf = Buffer.from('0123456789')
    layers = await storeModel(folder, 'someone/tiny:1b', { gguf, family: 'none' })
    mirror = await serveMirror(folder, { port: 0, host: '127.0.0.1' })
  })

  afterAll(async () => {
    await mirror?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const get = (path: string, init: RequestInit = {}) => fetch(`${mirror.url}/v2/${path}`, init)
  const blob = () => `someone/tiny/blobs/${layers[0]!.digest}`

  it('gives the manifest with its digest', async () => {
    const answer = await get('someone/tiny/manifests/1b')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('docker-content-digest')).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await answer.json()).toMatchObject({
      layers: layers.slice(0, -1),
      config: layers.at(-1),
    })
  })

  it('gives the same by its digest, and says that it is a registry', async () => {
    const byTag = await get('someone/tiny/manifests/1b')
    const digest = byTag.headers.get('docker-content-digest')
    const byDigest = await get(`someone/tiny/manifests/${digest}`)
    expect([byDigest.status, await byDigest.text()]).toEqual([200, await byTag.text()])
    expect((await get('')).status).toBe(200)
  })

  it('gives a blob with the location that Ollama wants', async () => {
    const answer = await get(blob())
    expect(answer.headers.get('location')).toBe(`/v2/${blob()}`)
    expect(await answer.text()).toBe('0123456789')
  })

  it('says how long a blob is without giving it', async () => {
    const answer = await get(blob(), { method: 'HEAD' })
    expect(answer.headers.get('content-length')).toBe('10')
  })

  it('gives a part of a blob', async () => {
    const answer = await get(blob(), { headers: { range: 'bytes=3-5' } })
    expect([answer.status, await answer.text()]).toEqual([206, '345'])
  })

  it.each([
    ['a model that it does not have', 'someone/other/manifests/1b', 404],
    ['a digest that it does not have', `someone/tiny/manifests/sha256:${'0'.repeat(64)}`, 404],
    ['a tag that it does not have', 'someone/tiny/manifests/2b', 404],
    ['a blob that it does not have', `someone/tiny/blobs/sha256:${'0'.repeat(64)}`, 404],
    ['an invalid digest', 'someone/tiny/blobs/sha256:xyz', 400],
    ['a way out of the folder', 'someone/tiny/manifests/..%2f..%2f..%2fblobs', 400],
    ['a way out by dots', 'someone/..%2f..%2f/manifests/1b', 400],
  ])('refuses %s', async (_, path, status) => {
    expect((await get(path)).status).toBe(status)
  })

  it('says that its port is taken', async () => {
    const port = Number(new URL(mirror.url).port)
    const second = serveMirror(folder, { port, host: '127.0.0.1' })
    await expect(second).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
  })

  it('says that a folder is no model folder', async () => {
    const second = serveMirror(tmpdir(), { port: 0, host: '127.0.0.1' })
    await expect(second).rejects.toMatchObject({
      kind: 'misused',
      mend: expect.stringContaining('--folder'),
    })
  })

  it('only reads', async () => {
    const answer = await get(blob(), { method: 'PUT', body: 'x' })
    expect(answer.status).toBe(404)
    expect(await readFile(blobPath(folder, layers[0]!.digest), 'utf8')).toBe('0123456789')
  })
})
