import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { mirrorServer } from '../../../provision/models/model-mirror.ts'
import { type ForwardProxy, startForwardProxy } from '../servers/forward-proxy.ts'
import { ownCertificate, serveTls, type TlsServer } from '../toolchain/own-ca.ts'
import { storeTinyModels } from './tiny-models.ts'

/** What only the proxy can resolve. */
export const MODELS_HOST = 'models.example.org'
export const PROXY_PASSWORD = 's3cret'

export interface ModelsBehindProxy {
  /** Wants a user and the password. */
  proxy: ForwardProxy
  registry: TlsServer
  /** File with the certificate of the registry, which nobody else trusts. */
  certificate: string
  close(): Promise<void>
}

/**
 * A registry of models that is reached through a proxy alone, and by https with a certificate of one's own.
 * @param options.folder for the models and, where it has none yet, the certificate
 * @param options.address that the proxy listens on
 */
export async function modelsBehindProxy({
  folder,
  address = '127.0.0.1',
}: {
  folder: string
  address?: string
}): Promise<ModelsBehindProxy> {
  const own = await ownCertificate(folder, MODELS_HOST)
  const library = join(folder, 'library')
  await storeTinyModels(library)
  const mirror = mirrorServer(library)
  await mirror.ready()
  const registry = await serveTls(own, mirror.routing)
  const hosts = { [`${MODELS_HOST}:443`]: registry.address }
  const proxy = await startForwardProxy({ credentials: `ada:${PROXY_PASSWORD}`, address, hosts })
  return {
    proxy,
    registry,
    certificate: own.certificate,
    async close() {
      await proxy.close()
      await registry.close()
      await rm(library, { recursive: true })
    },
  }
}
