import { dirname } from 'node:path'
import { stringify } from 'yaml'
import { authProxy } from '../auth-proxy/auth-proxy-spec.ts'
import { ROOM_FILE } from '../auth-proxy/nginx.ts'
import { CHROMA_RULES } from '../auth-proxy/routes.ts'
import type { Workload } from '../capacity/workload.ts'
import { watchdogScript } from './chroma-watchdog.ts'
import type { GuardedPorts, GuardedServer, SpecArgs } from './server-spec.ts'

/** Where the image keeps its data: at another path the store is lost with the container without a word. */
export const CHROMA_DATA = '/data'
const CONFIG_PATH = '/config.yaml'
/** Answers 200 when Chroma can serve requests. */
export const CHROMA_READY = '/api/v2/healthcheck'
const CHROMA_LIVE = '/api/v2/heartbeat'

/** One Chroma under the watchdog of its disk, which tells the auth proxy in memory that they share. */
export function chromaServer(
  { settings, images, tokens }: SpecArgs,
  ports: GuardedPorts,
  plan: Workload | undefined,
) {
  const access = tokens.apply(({ chroma }) => ({
    rules: CHROMA_RULES,
    tokens: { application: chroma },
  }))
  return {
    server: {
      name: 'chroma',
      image: images.chroma,
      script: { name: 'chroma-watchdog', text: watchdogScript(), args: [CHROMA_DATA, 'chroma'] },
      args: ['run', CONFIG_PATH],
      environment: {
        KNOWLEDGE_ROOM_FILE: ROOM_FILE,
        KNOWLEDGE_CHROMA_SERVER: settings.configuredImages.chroma,
      },
      files: [{ path: CONFIG_PATH, content: chromaConfig(ports.server, CHROMA_DATA) }],
      dataFolder: CHROMA_DATA,
      probe: {
        port: ports.proxy,
        loopbackPort: ports.server,
        // It reads its write-ahead log back in.
        startup: { path: CHROMA_LIVE, within: 300, every: 2 },
        ready: CHROMA_READY,
        live: CHROMA_LIVE,
      },
      // It ends the writes that are under way.
      grace: 60,
      share: plan?.server,
    },
    authProxy: authProxy(images.front, ports, access, CHROMA_LIVE, plan?.front),
    sharedMemory: dirname(ROOM_FILE),
  } satisfies GuardedServer
}

/**
 * The configuration file of a Chroma server, on loopback of its machine or network namespace. Nobody can have it
 * wipe its whole store.
 * @param folder where it keeps its data
 */
export const chromaConfig = (port: number, folder: string): string =>
  stringify({ port, listen_address: '127.0.0.1', persist_path: folder, allow_reset: false })
