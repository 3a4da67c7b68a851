import type * as pulumi from '@pulumi/pulumi'
import type { Share } from '../capacity/workload.ts'
import type { GuardedPorts, GuardedServer } from '../servers/server-spec.ts'
import { type AuthProxy, NGINX_CONFIG, nginxCommand, nginxConfig } from './nginx.ts'
import { ALIVE_PATH } from './routes.ts'

/** Seconds: one that hangs has nothing to end, while its server behind it may have much. */
const HUNG_GRACE = 10

/**
 * The proxy in front of a server that listens on loopback of the same network namespace. Its configuration holds
 * tokens, and so is a secret as a whole.
 * @param access who may send what
 * @param openPath a path of the server that answers whoever asks: requests may be sent as long as it does
 */
export const authProxy = (
  image: pulumi.Input<string>,
  { server, proxy }: GuardedPorts,
  access: pulumi.Output<Pick<AuthProxy, 'rules' | 'tokens'>>,
  openPath: string,
  share: Share | undefined,
): GuardedServer['authProxy'] => ({
  name: 'front',
  image,
  command: nginxCommand(),
  files: [
    {
      path: NGINX_CONFIG,
      content: access.apply(allowed =>
        nginxConfig({ ...allowed, listen: proxy, upstream: server }),
      ),
    },
  ],
  port: proxy,
  // It is started again for its own faults, and never for those of the server.
  probe: { port: proxy, ready: openPath, live: ALIVE_PATH, hungGrace: HUNG_GRACE },
  user: '101',
  share,
})
