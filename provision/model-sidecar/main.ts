import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { Inference } from '../../checks/inference/inference.ts'
import { OllamaServer } from '../../checks/inference/ollama-server.ts'
import { Connection } from '../../checks/transport/connection.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { Steps } from '../steps/steps.ts'
import { ModelSidecar } from './model-sidecar.ts'
import type { SidecarConfig } from './sidecar-config.ts'

/** What provisions an Ollama's models: a process beside it in its pod, started with the path of its configuration. */
const config: SidecarConfig = JSON.parse(await readFile(process.argv[2]!, 'utf8'))

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => stop.abort(new Failure('interrupted', `Ended by ${signal}`)))
}

const { url } = config.models[0]!.args.ollama
const connection = new Connection('Ollama', url, { maxConnections: 2 })
const pools = new Map(config.models.map(({ model }) => [model.pool, new OllamaServer(connection)]))
const inference = new Inference(
  config.models.map(({ model }) => model),
  pools,
)
const sidecar = new ModelSidecar(config, inference, new Steps(stop.signal), stop.signal)

/** Tells the node's probes how it stands, on every address of the pod: `/live`, and `/ready` with the reason. */
const status = createServer(({ url }, response) => {
  const { problem } = sidecar
  if (url === '/live') response.end('alive\n')
  else if (url !== '/ready') response.writeHead(404).end()
  else response.writeHead(problem === undefined ? 200 : 503).end(`${problem ?? 'ready'}\n`)
})
status.listen(config.port)
await once(status, 'listening')
await sidecar.run().catch(error => {
  process.stderr.write(`${reasonOf(error)}\n`)
})
status.close()
await connection.close()
