import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ConnectedDeployment, openDeployment } from '../../checks/connected-deployment.ts'
import { vectorFor } from '../../checks/probe/vectors.ts'
import type { DeployedModel, Outputs } from '../../infra/outputs.ts'
import { roomFileOf, soundFileOf } from '../../infra/servers/chroma-watchdog.ts'
import { processStart } from '../../provision/process-identity.mjs'
import { writeProcessRecord } from '../../provision/processes/process-record.ts'
import { TestApi } from '../support/api/api.ts'
import { Gate } from '../support/api/gate.ts'
import { FaultyServer } from '../support/servers/faulty-server.ts'
import { planned } from '../support/stack/planned.ts'
import { startTinyDeployment } from '../support/store/tiny-deployment.ts'
import { pinned } from '../support/toolchain/pinned.ts'

/** A sound deployment with data in it, in which every defect can be made. */
export interface World {
  /** Of the deployment as it is reached through what stands in front of its servers. */
  outputs: Outputs
  /** The same without anything in front. */
  real: ConnectedDeployment
  /** In front of the servers: what is said can be changed, and the connections. */
  chroma: FaultyServer
  ollama: FaultyServer
  gates: { chroma: Gate; ollama: Gate; api: Gate }
  /** The folder that the real Ollama has its models in. */
  modelsFolder: string
  stop(): Promise<void>
}

/** Tokens: a text as long as a chunk gets is embedded by every verification. */
const CONTEXT = 512
const CREATORS = ['ada', 'grace', 'Zoë', 'hedy', 'mary', 'edith']

export async function startWorld(): Promise<World> {
  const tiny = await startTinyDeployment(CONTEXT)
  const { modelsFolder, pid } = tiny.ollama
  const direct = await pinned(tiny.outputs, modelsFolder)
  const models: DeployedModel[] = []
  for (const model of direct.models) models.push(await planned(model, modelsFolder))
  const record = join(modelsFolder, 'ollama.json')
  await writeProcessRecord(record, { pid, identity: processStart(pid)! })
  const real = await openDeployment(direct)
  for (const creator of CREATORS) await fill(real, creator)

  const chroma = await FaultyServer.before(tiny.chroma.url)
  const ollama = await FaultyServer.before(direct.ollama[0].reach.url)
  const [chromaGate, ollamaGate] = [await Gate.before(chroma.url), await Gate.before(ollama.url)]
  const reach = ({ url }: { url: string }) => ({ reach: { kind: 'direct' as const, url } })
  const { configFile, data: dataFolder } = tiny.chroma
  // What the watchdog of a stack says.
  for (const file of [roomFileOf(dataFolder), soundFileOf(dataFolder)]) await writeFile(file, '')
  const outputs: Outputs = {
    ...direct,
    chroma: {
      ...direct.chroma,
      instances: [{ ...reach(chromaGate), configFile, dataFolder }],
    },
    ollama: [{ ...direct.ollama[0], ...reach(ollamaGate), record, version: await versionOf(real) }],
    models: models as Outputs['models'],
  }
  const api = await TestApi.start(outputs)
  const apiGate = await Gate.before(api.url)
  return {
    outputs: { ...outputs, api: reach(apiGate) },
    real,
    chroma,
    ollama,
    gates: { chroma: chromaGate, ollama: ollamaGate, api: apiGate },
    modelsFolder,
    async stop() {
      await api.stop()
      for (const gate of [apiGate, chromaGate, ollamaGate]) await gate.stop()
      for (const server of [chroma, ollama]) await server.stop()
      await real.close()
      await tiny.stop()
    },
  }
}

const versionOf = async ({ ollama }: ConnectedDeployment): Promise<string> =>
  [...ollama.values()][0]!.version()

async function fill(deployment: ConnectedDeployment, creator: string): Promise<void> {
  const { dimension } = deployment.knowledge().shards.settings
  const chunks = ['one', 'two'].map(text => ({
    text: `${creator} ${text}`,
    vector: vectorFor(`${creator} ${text}`, dimension),
  }))
  await deployment
    .knowledge()
    .creator(creator)
    .upsert([{ id: 'notes', chunks }])
}
