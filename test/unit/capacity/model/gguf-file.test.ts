import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Failure } from '../../../../infra/failure.ts'
import { readGguf } from '../../../../provision/models/gguf-file.ts'
import { tinyGptOss } from '../../../support/models/tiny-gpt-oss.ts'

const GGUF = tinyGptOss()

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(content: Buffer | string): Promise<string> {
  const path = join(folder, 'model.gguf')
  await writeFile(path, content)
  return path
}

const refusal = (location: string): Promise<Failure> =>
  readGguf(location).then(
    () => Promise.reject(new Error('it was read')),
    error => (error instanceof Failure ? error : Promise.reject(error)),
  )

describe('a GGUF file', () => {
  it('tells the architecture of its model', async () => {
    const { shape, exact } = await readGguf(await file(GGUF))
    expect(exact).toBe(true)
    expect(shape).toMatchObject({
      family: 'gptoss',
      layers: 2,
      kvHeads: [2, 2],
      keyLength: 32,
      slidingWindow: { tokens: 128, layers: [true, false] },
      experts: { count: 4, used: 2, feedForward: 64 },
      encoder: false,
    })
  })

  it('tells the bytes of every tensor, whatever its type', async () => {
    const { weights, fileBytes } = await readGguf(await file(GGUF))
    const [width, tokens] = [64, 264]
    expect(weights.tokenEmbedding).toBe(width * tokens * 4)
    expect(weights.output).toBe(width * tokens * 4)
    expect(fileBytes).toBe(GGUF.length)
  })

  it.each([
    ['something else', Buffer.from('PK\u0003\u0004 a zip file'), 'magic number'],
    ['nothing', Buffer.alloc(0), 'is not a GGUF file'],
    ['a header cut short', GGUF.subarray(0, 600), 'is not a GGUF file'],
    ['weights cut short', GGUF.subarray(0, GGUF.length - 100_000), 'cut short'],
    ['an unknown version', changed(4, 9), 'version'],
    ['more tensors than a file can hold', changed(12, 0xff), 'Tensor count'],
    ['more metadata than a file can hold', changed(20, 0xff), 'metadata count'],
    ['a text of gigabytes', changed(28, 0xff), 'String length'],
  ])('is refused when it holds %s', async (_, content, message) => {
    const { text, exitCode } = await refusal(await file(content))
    expect(text).toContain(message)
    expect(text).toContain('model.gguf')
    expect(exitCode).toBe(2)
  })

  it('is refused when it is not there, and when it is a folder', async () => {
    expect((await refusal(join(folder, 'no.gguf'))).text).toContain('there is no such file')
    expect((await refusal(folder)).text).toContain('is no file')
  })
})

/** The tiny model with one byte of its header changed. */
function changed(offset: number, byte: number): Buffer {
  const copy = Buffer.from(GGUF)
  copy[offset] = byte
  return copy
}

describe('a GGUF file on a server', () => {
  let server: Server | undefined
  afterEach(() => server?.close())

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener).listen(0, '127.0.0.1')
    await new Promise(resolve => server!.once('listening', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`
  }

  it('is read by ranges, its weights left where they are', async () => {
    const large = Buffer.concat([GGUF, Buffer.alloc(20_000_000)])
    let sent = 0
    const url = await serve((request, response) => {
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
      const part = large.subarray(Number(first), Number(last) + 1)
      sent += part.length
      const range = `bytes ${first}-${Number(first) + part.length - 1}/${large.length}`
      response.writeHead(206, { 'content-range': range }).end(part)
    })
    expect((await refusal(url)).text).toContain('damaged')
    expect(sent).toBeLessThan(3_000_000)
  })

  it('is the same as on disk', async () => {
    const url = await serve((request, response) => {
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
      const part = GGUF.subarray(Number(first), Number(last) + 1)
      response
        .writeHead(206, { 'content-range': `bytes ${first}-${last}/${GGUF.length}` })
        .end(part)
    })
    const { source: _, ...remote } = await readGguf(url)
    const { source: __, ...local } = await readGguf(await file(GGUF))
    expect(remote).toEqual(local)
  })

  it('is refused by a server that ignores ranges, before it sends gigabytes', async () => {
    let sent = 0
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 13_793_441_244 })
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
      }
      response.on('drain', more)
      more()
    })
    const { text, exitCode } = await refusal(url)
    expect(text).toContain('ignores ranges')
    expect(exitCode).toBe(3)
    expect(sent).toBeLessThan(50_000_000)
  })

  it('is refused with what the server answered', async () => {
    const url = await serve((_, response) => response.writeHead(404).end())
    expect((await refusal(url)).text).toContain('answered 404')
  })

  it('is refused when nobody answers', async () => {
    const url = await serve(() => {})
    await new Promise(resolve => server!.close(resolve))
    expect(await refusal(url)).toMatchObject({ exitCode: 3 })
  })
})
