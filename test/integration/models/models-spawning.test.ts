import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readManifest } from '../../../checks/models/model-files.ts'
import { refusal } from '../../../checks/transport/error-response.ts'
import { estimateModel } from '../../../infra/capacity/model/estimate.ts'
import { SERVER_BYTES } from '../../../infra/capacity/model/overhead.ts'
import { ollamaEnvironment } from '../../../infra/servers/ollama-environment.ts'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import type { ModelSource } from '../../../infra/settings/model-definition.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { MiB } from '../../../infra/units.ts'
import { architectureIn } from '../../../provision/models/gguf-file.ts'
import { madeBy } from '../../../provision/models/lock-entry.ts'
import { readLocks } from '../../../provision/models/locks.ts'
import { provisionModel } from '../../../provision/models/provision-model.ts'
import { askLongPrompt, factsFrom } from '../../support/models/long-prompt.ts'
import { requestFor } from '../../support/models/model-request.ts'
import { recordingTask } from '../../support/recording-task.ts'
import {
  canLimitMemory,
  limitMemory,
  type MemoryLimit,
} from '../../support/servers/memory-limit.ts'
import { type RunningOllama, startOllama } from '../../support/servers/ollama.ts'
import { runnersOf } from '../../support/servers/runners.ts'
import { NEEDS_SPAWNING, spawningOllama } from '../../support/toolchain/test-ollama.ts'

const newer = await spawningOllama()
const MODELS = ['all-minilm', 'smollm2:135m']
const CONTEXT = 4096
const PROMPTS = 50

describe.skipIf(newer === undefined)(
  `models of an Ollama that spawns llama-server ${NEEDS_SPAWNING}`,
  () => {
    let folder: string
    let server: RunningOllama
    let ollama: Ollama
    const { task } = recordingTask()
    const locks = () => readLocks(join(folder, 'models.lock.json'))

    const request = (name: string) => {
      const definition = findModel(name)!
      const sources: ModelSource[] = definition.sources.filter(({ kind }) => kind === 'package')
      const contextLength = Math.min(definition.contextLength, CONTEXT)
      const serves = `${definition.name}-ctx${contextLength}`
      return requestFor(name, { definition: { ...definition, sources }, serves, contextLength })
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'models-'))
      const settings = parseSettings('dev', {
        ollamaVersion: newer!.version,
        contextLength: CONTEXT,
      })
      const { OLLAMA_HOST, OLLAMA_MODELS, ...env } = ollamaEnvironment(settings, {
        port: 0,
        modelsFolder: '',
        models: 2,
      })
      server = await startOllama({ env })
      ollama = new Ollama({ host: server.url })
    })

    afterAll(async () => {
      await server?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    it.each(MODELS)(
      'holds %s to its locked files, and records what it makes of them',
      async name => {
        const first = await provisionModel(request(name), server, await locks(), task)
        expect(first).toMatchObject({ changed: true, lockedBy: 'lock' })
        const entries = Object.values((await locks()).recorded[first.name] ?? {})
        for (const entry of entries) expect(madeBy(entry, newer!.version)).toBeDefined()

        const again = await provisionModel(request(name), server, await locks(), task)
        expect(again).toMatchObject({ changed: false, lockedBy: 'lock', digest: first.digest })
      },
    )

    it('tells of a runner that is killed while it embeds as of a failure of the server', async () => {
      const model = 'all-minilm:latest-ctx512'
      await ollama.embed({ model, input: 'loads it' })
      const embedding = ollama.embed({ model, input: Array(400).fill('words '.repeat(300)) })
      const failure = embedding.then(
        () => expect.fail('it was answered'),
        error => error,
      )
      await new Promise(resolve => setTimeout(resolve, 300))
      for (const pid of await runnersOf(server.pid)) process.kill(pid, 'SIGKILL')
      const { status_code: status, error } = await failure
      console.error(`killed while it embedded: ${status} ${error}`)
      const told = refusal('Ollama', status, JSON.stringify({ error }))
      expect(told).toMatchObject({ kind: 'unavailable' })
      expect((await ollama.embed({ model, input: 'again' })).embeddings[0]).toHaveLength(384)
    })

    describe.skipIf(!canLimitMemory)(
      'held to the memory that is planned (needs root and cgroup v1)',
      () => {
        let limit: MemoryLimit
        let planned: number

        beforeAll(async () => {
          for (const pid of await runnersOf(server.pid)) process.kill(pid, 'SIGTERM')
          const estimates = await Promise.all(
            MODELS.map(async name => {
              const { definition, contextLength } = request(name)
              const { layers } = (await readManifest(server.modelsFolder, definition.name))!
              return estimateModel((await architectureIn(layers, server.modelsFolder))!, {
                ollama: newer!.version,
                contextLength,
                parallel: 1,
                kvCache: 'f16',
                embedding: definition.role === 'embedding',
                gpuLayers: 0,
              })
            }),
          )
          const sum = estimates.reduce(
            (all, { reserved, margin }) => all + reserved.host + margin.host,
            0,
          )
          planned = Math.ceil((SERVER_BYTES + sum) / MiB) * MiB
          limit = await limitMemory('knowledge-stack-test', planned)
          await limit.add(server.pid)
        })

        afterAll(async () => {
          await server.stop()
          await limit?.end()
        })

        it(
          `answers ${PROMPTS} different long prompts, and embeds as long texts`,
          async () => {
            const before: number[] = []
            for (let n = 0; n < PROMPTS; n += 1) {
              expect(await askLongPrompt(ollama, n)).toBeGreaterThan(2000)
              const text = factsFrom(n, 30)
              await ollama.embed({ model: 'all-minilm:latest-ctx512', input: text })
              before.push((await limit.seen()).most)
            }
            const { most, kills } = await limit.seen()
            console.error(
              `planned ${(planned / MiB).toFixed(0)} MiB, most held ${(most / MiB).toFixed(0)} MiB after all, ${(before[1]! / MiB).toFixed(0)} MiB after two`,
            )
            expect(kills).toBe(0)
          },
          30 * 60_000,
        )
      },
    )
  },
)
