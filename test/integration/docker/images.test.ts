import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { resolveImages } from '../../../infra/settings/image-settings.ts'
import { digestOf, manifestUrl } from '../../../provision/images/image-registry.ts'
import { debianCommand } from '../../support/servers/debian.ts'
import { freePort } from '../../support/servers/ports.ts'
import { type StartedServer, startServer } from '../../support/servers/server.ts'
import { TestStack } from '../../support/stack/test-stack.ts'

const { signal } = new AbortController()
const sha256 = (bytes: string | Buffer) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const registry = await debianCommand('docker-registry')

describe('where the manifest of an image is looked for', () => {
  it.each([
    ['debian:12.1', 'https://registry-1.docker.io/v2/library/debian/manifests/12.1'],
    ['chromadb/chroma:1.5.9', 'https://registry-1.docker.io/v2/chromadb/chroma/manifests/1.5.9'],
    ['ghcr.io/a/b/c:1', 'https://ghcr.io/v2/a/b/c/manifests/1'],
    ['registry:5000/chroma:1', 'https://registry:5000/v2/chroma/manifests/1'],
    ['127.0.0.1:5000/a/b:1', 'http://127.0.0.1:5000/v2/a/b/manifests/1'],
  ])('%s', (image, url) => {
    expect(manifestUrl(image)).toBe(url)
  })
})

describe.skipIf(registry === undefined)('npm run images (needs docker-registry)', () => {
  let folder: string
  let server: StartedServer
  let host: string
  let stack: TestStack
  const digests: Record<string, string> = {}

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-'))
    host = `127.0.0.1:${await freePort()}`
    const config = join(folder, 'config.yml')
    const storage = { filesystem: { rootdirectory: join(folder, 'data') } }
    await writeFile(config, stringify({ version: '0.1', storage, http: { addr: host } }))
    server = await startServer({
      command: registry!,
      args: ['serve', config],
      readyUrl: `http://${host}/v2/`,
    })
    for (const [repository, tag] of [
      ['chromadb/chroma', '1.5.9'],
      ['ollama/ollama', '0.17.4'],
      ['nginxinc/nginx-unprivileged', '1.28.0'],
    ] as const) {
      digests[`${repository}:${tag}`] = await push(repository, tag)
    }
    stack = await TestStack.make({ images: { mirror: host } })
  })
  afterAll(async () => {
    await server?.end()
    await stack?.end()
    await rm(folder, { recursive: true })
  })

  /** An image without layers. @returns the digest of its manifest */
  async function push(repository: string, tag: string): Promise<string> {
    const content = JSON.stringify({ architecture: 'amd64', os: 'linux', repository })
    const started = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, {
      method: 'POST',
    })
    const upload = new URL(started.headers.get('location')!, `http://${host}`)
    upload.searchParams.set('digest', sha256(content))
    expect((await fetch(upload, { method: 'PUT', body: content })).status).toBe(201)
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json'
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: content.length,
        digest: sha256(content),
      },
      layers: [],
    })
    const put = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: manifest,
    })
    expect(put.status).toBe(201)
    return sha256(manifest)
  }

  it('writes the digests that the registry has, which images are then taken by', async () => {
    const lock = join(folder, 'images.lock.json')
    const other = { 'other/image:1': sha256('other') }
    await writeFile(lock, JSON.stringify(other))
    const { code, document, stderr } = await stack.json('images', '--lock-file', lock)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document.images).toEqual(digests)
    const written = JSON.parse(await readFile(lock, 'utf8'))
    expect(written).toEqual({ ...other, ...digests })
    const chroma = 'chromadb/chroma:1.5.9'
    const images = { chroma, ollama: 'a/b:1', front: 'c/d:1', api: 'e/f:1', mirror: '' }
    expect(resolveImages(images, written).chroma).toBe(`${chroma}@${digests[chroma]}`)
  })

  it('names the image that the registry does not have, and writes nothing', async () => {
    stack.config.images = { mirror: host, ollama: 'ollama/ollama:0.17.99' }
    const lock = join(folder, 'unwritten.json')
    const { code, stderr } = await stack.run('images', '--lock-file', lock)
    expect(code).toBe(3)
    expect(stderr).toContain('ollama/ollama:0.17.99')
    expect(stderr).toContain('404')
    await expect(readFile(lock)).rejects.toThrow('ENOENT')
  })
})

describe('a registry that wants a token from everybody', () => {
  const manifest = '{"schemaVersion":2}'
  let server: Server
  let host: string
  beforeAll(async () => {
    server = createServer((request, response) => {
      const url = new URL(request.url!, `http://${host}`)
      const scope = 'repository:a/b:pull'
      if (url.pathname === '/token') {
        const asked =
          url.searchParams.get('service') === 's' && url.searchParams.get('scope') === scope
        response.writeHead(asked ? 200 : 400).end(JSON.stringify({ token: 'open sesame' }))
      } else if (request.headers.authorization === 'Bearer open sesame') {
        response.writeHead(url.pathname === '/v2/a/b/manifests/1' ? 200 : 404).end(manifest)
      } else {
        const challenge = `Bearer realm="http://${host}/token",service="s",scope="${scope}"`
        response.writeHead(401, { 'www-authenticate': challenge }).end()
      }
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it('is asked for one first', async () => {
    expect(await digestOf(`${host}/a/b:1`, signal)).toBe(sha256(manifest))
  })

  it('is named when it cannot be reached', async () => {
    const lookup = digestOf(`127.0.0.1:${await freePort()}/a/b:1`, signal)
    await expect(lookup).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
