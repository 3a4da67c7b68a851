import { readFile } from 'node:fs/promises'
import { Inference } from '../../checks/inference/inference.ts'
import { OllamaServer } from '../../checks/inference/ollama-server.ts'
import { Connection } from '../../checks/transport/connection.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { Steps } from '../steps/steps.ts'
import { Keeper } from './model-sidecar.ts'
import { serveStatus } from './readiness.ts'
import type { KeeperConfig } from './sidecar-config.ts'

/** The keeper of an Ollama's models: a process beside it in its pod, started with the path of its configuration. */
const config: KeeperConfig = JSON.parse(await readFile(process.argv[2]!, 'utf8'))

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
const keeper = new Keeper(config, inference, new Steps(stop.signal), stop.signal)
const status = await serveStatus(keeper, config.port)
await keeper.run().catch(error => {
  process.stderr.write(`${reasonOf(error)}\n`)
})
status.close()
await connection.close()
