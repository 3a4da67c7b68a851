import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Keeper } from './model-sidecar.ts'

/** Tells the node's probes how it stands, on every address of the pod: `/live`, and `/ready` with the reason. */
export async function serveStatus(keeper: Pick<Keeper, 'problem'>, port: number): Promise<Server> {
  const server = createServer(({ url }, response) => {
    const { problem } = keeper
    if (url === '/live') response.end('alive\n')
    else if (url !== '/ready') response.writeHead(404).end()
    else response.writeHead(problem === undefined ? 200 : 503).end(`${problem ?? 'ready'}\n`)
  })
  server.listen(port)
  await once(server, 'listening')
  return server
}
