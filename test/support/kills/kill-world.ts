import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { makeKeyFile, readKeyFile } from '../../../checks/api/auth/keys.ts'
import { minutes } from '../../../infra/units.ts'
import { type RunningChroma, startChroma } from '../servers/chroma.ts'
import { outputsOf } from '../store/deployment.ts'
import { Acknowledged } from './acknowledged.ts'
import { ApiCalls } from './api-calls.ts'
import { BulkCaller } from './bulk-caller.ts'
import { Caller } from './caller.ts'
import { DIMENSION } from './chunk-texts.ts'
import { CollectionNames } from './collection-names.ts'
import { SHARDS } from './creators.ts'
import type { Killable } from './killable.ts'
import { KillableApi } from './killable-api.ts'
import { KillableBulk } from './killable-bulk.ts'
import { PhaseProxy } from './phase-proxy.ts'
import { OperationPhases } from './phases.ts'

/** One Chroma, two APIs and a process that loads in bulk, each with a way to Chroma of its own. */
export class KillWorld {
  readonly model = new Acknowledged()
  readonly chroma: RunningChroma
  readonly apis: [Caller, Caller]
  readonly bulk: BulkCaller
  readonly #proxies: PhaseProxy[]
  readonly #folder: string
  #isChromaDead = false

  private constructor(
    chroma: RunningChroma,
    proxies: [PhaseProxy, PhaseProxy, PhaseProxy],
    phases: OperationPhases[],
    access: { folder: string; keyFile: string; token: string; outputFiles: string[] },
  ) {
    this.chroma = chroma
    this.#proxies = proxies
    this.#folder = access.folder
    const api = (index: number) => {
      const env = {
        KNOWLEDGE_API_OUTPUTS: access.outputFiles[index],
        KNOWLEDGE_API_KEYS: access.keyFile,
      }
      const process = new KillableApi(`API ${index}`, env)
      const calls = new ApiCalls(process, phases[index]!, this.model, access.token)
      return new Caller(calls, this.model)
    }
    this.apis = [api(0), api(1)]
    const loader = new KillableBulk('bulk', outputsFor(proxies[2].url))
    this.bulk = new BulkCaller(loader, phases[2]!, this.model)
  }

  static async start(): Promise<KillWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'kills-'))
    const keyFile = join(folder, 'keys.json')
    await makeKeyFile(keyFile)
    const token = await makeToken(await readKeyFile(keyFile), { scope: 'service' }, minutes(600))
    const chroma = await startChroma()
    const names = new CollectionNames()
    const phases = [new OperationPhases(), new OperationPhases(), new OperationPhases()]
    const before = (index: number) => PhaseProxy.before(chroma.url, names, phases[index]!)
    const proxies: [PhaseProxy, PhaseProxy, PhaseProxy] = [
      await before(0),
      await before(1),
      await before(2),
    ]
    const outputFiles = [join(folder, 'outputs-0.json'), join(folder, 'outputs-1.json')]
    for (const [index, file] of outputFiles.entries()) {
      await writeFile(file, JSON.stringify(outputsFor(proxies[index]!.url)))
    }
    const world = new KillWorld(chroma, proxies, phases, { folder, keyFile, token, outputFiles })
    await world.recover()
    return world
  }

  proxyOf = (process: 0 | 1 | 'bulk'): PhaseProxy =>
    this.#proxies[process === 'bulk' ? 2 : process]!
  processOf = (process: 0 | 1 | 'bulk'): Killable =>
    process === 'bulk' ? this.bulk.process : this.apis[process].calls.api

  async killChroma(): Promise<void> {
    this.#isChromaDead = true
    await this.chroma.kill()
  }

  /** Starts what was killed. */
  async recover(): Promise<void> {
    if (this.#isChromaDead) await this.chroma.start()
    this.#isChromaDead = false
    await Promise.all(([0, 1, 'bulk'] as const).map(process => this.processOf(process).start()))
  }

  async stop(): Promise<void> {
    for (const process of [0, 1, 'bulk'] as const) await this.processOf(process).kill()
    for (const proxy of this.#proxies) await proxy.stop()
    await this.chroma.stop()
    await rm(this.#folder, { recursive: true })
  }
}

export const outputsFor = (chroma: string) =>
  outputsOf({ chroma: [chroma], shards: SHARDS, dimensions: DIMENSION })
