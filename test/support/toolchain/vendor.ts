import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { create } from 'tar'

/** How the vendor treats one request for an archive; it serves the requests after that as it should. */
export type Fault = 'stalls' | 'unavailable'

/** Plays the release server of a vendor: `/v<version>/<file>`, with Range requests. */
export interface Vendor {
  url: string
  /** What it serves, by path without the leading slash. */
  files: Map<string, Buffer>
  /** Taken from the front, one a request for an archive. */
  faults: Fault[]
  /** When false, every answer is the whole file. */
  knowsRange: boolean
  /** Each request seen: path, and its Range header where it had one. */
  requests: { path: string; range?: string }[]
  /** Cuts all connections, as a network does. */
  breakOff(): void
  stop(): Promise<void>
}

export async function startVendor(): Promise<Vendor> {
  const server = createServer((request, response) => serve(vendor, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const vendor: Vendor = {
    url: `http://127.0.0.1:${port}`,
    files: new Map(),
    faults: [],
    knowsRange: true,
    requests: [],
    breakOff: () => server.closeAllConnections(),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return vendor
}

function serve(vendor: Vendor, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url!.slice(1)
  const { range } = request.headers
  vendor.requests.push({ path, ...(range && { range }) })
  const file = vendor.files.get(path)
  if (file === undefined) {
    response.writeHead(404).end()
    return
  }
  const fault = path.endsWith('.txt') ? undefined : vendor.faults.shift()
  if (fault === 'unavailable') {
    response.writeHead(503).end()
    return
  }
  const start = vendor.knowsRange && range ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0
  if (start >= file.length) {
    response.writeHead(416).end()
    return
  }
  const rest = file.subarray(start)
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length })
  if (fault === undefined) {
    response.end(rest)
    return
  }
  response.write(rest.subarray(0, Math.ceil(rest.length / 2)))
}

/** A binary that only says its version: a shell script. */
export const saying = (answer: string): string => `#!/bin/sh\necho '${answer}'\n`

/** Puts a release on the vendor: an archive of scripts by path, and the list of checksums beside it. */
export async function release(
  vendor: Vendor,
  folder: string,
  archive: string,
  checksums: string,
  scripts: Record<string, string>,
): Promise<void> {
  const packed = await pack(archive, scripts)
  const sha256 = createHash('sha256').update(packed).digest('hex')
  vendor.files.set(`${folder}/${archive}`, packed)
  vendor.files.set(`${folder}/${checksums}`, Buffer.from(`${sha256}  ./${archive}\n`))
}

async function pack(archive: string, scripts: Record<string, string>): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'release-'))
  try {
    for (const [path, script] of Object.entries(scripts)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), script)
      await chmod(join(folder, path), 0o755)
    }
    const file = join(folder, 'packed.tar')
    const gzip = !archive.endsWith('.zst')
    await create({ file, cwd: folder, gzip }, Object.keys(scripts))
    const packed = await readFile(file)
    return gzip ? packed : zstdCompressSync(packed)
  } finally {
    await rm(folder, { recursive: true })
  }
}
