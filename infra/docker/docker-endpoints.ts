import type * as pulumi from '@pulumi/pulumi'
import { loopbackUrl } from '../local/local-servers.ts'
import type { Outputs } from '../outputs.ts'
import type { TargetComponent } from '../servers/target-component.ts'
import type { Settings } from '../settings/parse-settings.ts'

/** The servers as they are reached from the host: at the ports of their auth proxies on loopback, with the application's tokens. */
export function chromaEndpoints({ chroma }: Settings, token: pulumi.Output<string>) {
  return Array.from({ length: chroma.instances }, (_, index) =>
    behindProxy(chroma.port + index, token),
  ) as unknown as Outputs['chroma']['instances']
}

export const ollamaEndpoints = (
  pools: readonly { pool: string; published: number }[],
  token: pulumi.Output<string>,
) =>
  pools.map(({ pool, published }) => ({
    pool,
    ...behindProxy(published, token),
  })) as unknown as TargetComponent['ollama']

const behindProxy = (port: number, token: pulumi.Output<string>) => ({
  reach: { kind: 'direct', url: loopbackUrl({ port }), token },
})

/** An address that stands for all of the machine's is reached at loopback. */
export const apiUrl = ({ api: { port, address } }: Settings): string =>
  `http://${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`
