import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import { debianCommand } from '../servers/debian.ts'

/** OpenSSL's command, which issues certificates as Node cannot; undefined where there is none. */
export const openssl = await debianCommand('openssl')

export interface OwnCertificate {
  /** The name that it is for. */
  host: string
  /** Files in PEM. */
  certificate: string
  key: string
}

/** Makes a certificate that nobody trusts but who is told to, as its own authority, where the folder has none yet. */
export async function ownCertificate(folder: string, host: string): Promise<OwnCertificate> {
  const [certificate, key] = [join(folder, `${host}.pem`), join(folder, `${host}.key`)]
  if (existsSync(certificate)) return { host, certificate, key }
  await mkdir(folder, { recursive: true })
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`]
  const argv = [openssl!, 'req', '-x509', ...kind, ...name, '-days', '3650']
  await runCommand([...argv, '-keyout', key, '-out', certificate], {
    env: process.env,
    signal: AbortSignal.timeout(30_000),
  })
  return { host, certificate, key }
}

export interface TlsServer {
  /** `127.0.0.1:port`: where its name leads to. */
  address: string
  /** Paths it was asked for. */
  asked: string[]
  close(): Promise<void>
}

/** A server on loopback that shows a certificate. */
export async function serveTls(
  { certificate, key }: OwnCertificate,
  answer: RequestListener,
): Promise<TlsServer> {
  const asked: string[] = []
  const files = { cert: await readFile(certificate), key: await readFile(key) }
  const server = createServer(files, (request, response) => {
    asked.push(request.url!)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
