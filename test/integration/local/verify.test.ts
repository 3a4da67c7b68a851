import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALL } from '../../../checks/all-checks.ts'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import type { RunningModel } from '../../../checks/inference/ollama-server.ts'
import { blobPath, readManifest } from '../../../checks/models/model-files.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { type CheckResult, exitCode, Report } from '../../../checks/report.ts'
import { toTable } from '../../../checks/report-table.ts'
import { runChecks } from '../../../checks/run-checks.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { minutes } from '../../../infra/units.ts'
import { loadAsPlanned } from '../../../provision/models/load-as-planned.ts'
import { startOllamaWithModels } from '../../support/models/models.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import type { RunningOllama } from '../../support/servers/ollama.ts'
import { snapshot } from '../../support/stack/snapshot.ts'
import { CHAT_MODEL, EMBEDDING_MODEL, outputsOf } from '../../support/store/deployment.ts'
import { STORE_CHECKS, telling } from '../../support/store/store-checks.ts'
import { pinned } from '../../support/toolchain/pinned.ts'

const WORKER = fileURLToPath(new URL('../../support/verify-worker.ts', import.meta.url))

describe('verify', () => {
  let chroma: RunningChroma
  let ollama: RunningOllama
  let outputs: Outputs
  let deployment: ConnectedDeployment

  beforeAll(async () => {
    chroma = await startChroma()
    ollama = await startOllamaWithModels()
    outputs = await pinned(
      outputsOf({ chroma: [chroma.url], ollama: ollama.url }),
      ollama.modelsFolder,
    )
    deployment = await openDeployment(outputs)
  })
  afterAll(async () => {
    await deployment.close()
    await ollama.stop()
    await chroma.stop()
  })

  const run = (of: Outputs, options: Partial<Parameters<typeof runChecks>[1]> = {}) =>
    runChecks(of, { readOnly: false, signal: new AbortController().signal, ...options })

  const named = (report: Report, verdict: CheckResult['verdict']) =>
    report.checks.filter(check => check.verdict === verdict).map(({ name }) => name)

  /** What did not go well, to be compared with nothing. */
  const troubles = (report: Report) =>
    report.checks
      .filter(({ verdict }) => verdict === 'failed' || verdict === 'unchecked')
      .map(({ name, detail }) => ({ name, detail }))

  it('could not check models that are not loaded, nor writes, when it is read only', async () => {
    const before = await snapshot(deployment)
    const report = await run(outputs, { readOnly: true })
    expect(exitCode(report)).toBe(3)
    expect(named(report, 'unchecked')).toEqual([
      'models-planned',
      'embedding-vectors',
      'embedding-repeatable',
      'embedding-meaning',
      'embedding-whole',
      'chat-answers',
      'chroma-round-trip',
      'shard-round-trip',
      'creators-apart',
      'filters-applied',
      'nothing-left',
    ])
    expect(await snapshot(deployment)).toEqual(before)
    for (const server of deployment.ollama.values()) expect(await server.running()).toEqual([])
  })

  it('passes on a sound deployment without any data, and leaves nothing behind', async () => {
    const before = await snapshot(deployment)
    const report = await run(outputs)
    expect(troubles(report)).toEqual([])
    expect(named(report, 'skipped')).toEqual([
      'routes-closed',
      'chroma-configuration',
      'chroma-room',
      'shard-settings',
      'records-placed',
      'chunks-found',
      'collection-reach',
      'api-answers',
    ])
    expect(exitCode(report)).toBe(0)
    expect(Report.parse(report)).toEqual(report)
    expect(report.target.chroma).toEqual([chroma.url])
    expect(await snapshot(deployment)).toEqual(before)
  })

  it('is swept by a later run when it was killed with a throwaway database open', async () => {
    const before = await snapshot(deployment)
    await killedAfter('shard-round-trip', outputs)
    expect(await snapshot(deployment)).not.toEqual(before)
    await sweptLater()
    expect(await snapshot(deployment)).toEqual(before)
  })

  /** A run right after leaves alone what may belong to one under way; one after a while does not. */
  async function sweptLater(): Promise<void> {
    const soon = await run(outputs, { checks: STORE_CHECKS })
    expect(soon.checks.at(-1)).toMatchObject({ verdict: 'passed' })
    expect(soon.checks.at(-1)).not.toHaveProperty('notes')
    const now = () => Date.now() + minutes(11)
    const later = await run(outputs, { checks: STORE_CHECKS, now })
    expect(later.checks.at(-1)?.notes?.[0]).toMatch('of runs that were killed are deleted too')
  }

  describe('with data of others', () => {
    let before: unknown[]

    beforeAll(async () => {
      const knowledge = deployment.knowledge()
      for (let creator = 0; creator < 12; creator += 1) {
        const documents = ['a', 'b'].map(id => ({
          id,
          metadata: { topic: id },
          chunks: [{ text: `${creator} ${id}`, vector: vectorFor(`${creator} ${id}`, 384) }],
        }))
        await knowledge.creator(`creator ${creator}`).upsert(documents)
      }
      before = await snapshot(deployment)
    })

    it('passes, and leaves collections, counts and all records as they were', async () => {
      const report = await run(outputs, { deep: true })
      expect(troubles(report)).toEqual([])
      expect(report.checks).toHaveLength(ALL.length)
      expect(await snapshot(deployment)).toEqual(before)
    })

    it('passes twice at once', async () => {
      const both = [run(outputs, { checks: STORE_CHECKS }), run(outputs, { checks: STORE_CHECKS })]
      expect((await Promise.all(both)).flatMap(troubles)).toEqual([])
      expect(await snapshot(deployment)).toEqual(before)
    })

    it.each(['chroma-round-trip', 'filters-applied'])(
      'is swept by a later run when it was killed after %s',
      async check => {
        await killedAfter(check, outputs)
        expect(await snapshot(deployment)).not.toEqual(before)
        await sweptLater()
        expect(await snapshot(deployment)).toEqual(before)
      },
    )

    it('takes back what it wrote when it is interrupted', async () => {
      const controller = new AbortController()
      const interrupted = run(outputs, {
        checks: telling(name => name === 'creators-apart' && controller.abort(new Error('Ctrl-C'))),
        signal: controller.signal,
      })
      await expect(interrupted).rejects.toThrow('Ctrl-C')
      expect(await snapshot(deployment)).toEqual(before)
    })

    it('leaves the models in memory as they are', async () => {
      const [server] = [...deployment.ollama.values()]
      const running = await server!.running()
      expect(running).toHaveLength(2)
      await run(outputs)
      // Ollama lists them in no order that it keeps.
      expect(byName(await server!.running())).toEqual(byName(running))
    })

    describe('after an ordinary request under a model’s own name', () => {
      const loaded = async () => {
        const [server] = [...deployment.ollama.values()]
        return (await server!.running()).map(({ name }) => name).toSorted()
      }
      const ask = async (name: string, options = {}) => {
        const [server] = [...deployment.ollama.values()]
        const call = { deadline: minutes(1), repeatable: true }
        await server!.call<unknown>(call, client =>
          name === EMBEDDING_MODEL.name
            ? client.embed({ model: name, input: 'x' })
            : client.generate({ model: name, prompt: '', options }),
        )
      }
      const heal = () =>
        loadAsPlanned(outputs, { report() {}, signal: new AbortController().signal })
      const served = [EMBEDDING_MODEL.serves, CHAT_MODEL.serves].toSorted()

      it('does not ask a model that it would make load anew, and names what loads it', async () => {
        await ask(EMBEDDING_MODEL.name)
        expect(await loaded()).toContain(EMBEDDING_MODEL.name)
        const report = await run(outputs)
        expect(await loaded()).toContain(EMBEDDING_MODEL.name)
        expect(report.verdict).toBe('unchecked')
        expect(troubles(report).map(({ name }) => name)).toEqual([
          'models-planned',
          'embedding-vectors',
          'embedding-repeatable',
          'embedding-meaning',
          'embedding-whole',
        ])
        for (const { verdict, mend } of report.checks) {
          if (verdict === 'unchecked') expect(mend).toContain('npm run models -- --stack test')
        }
        const lines = toTable(report, 300).split('\n')
        expect(lines.filter(line => line.includes('⚠'))).toHaveLength(1)
      })

      it('passes once the provisioner has loaded it as planned', async () => {
        expect(await heal()).toEqual([EMBEDDING_MODEL.serves])
        expect(await loaded()).toEqual(served)
        expect(await heal()).toEqual([])
        expect(troubles(await run(outputs))).toEqual([])
      })

      it('is put right also where Ollama would keep the copy under the name it has', async () => {
        await deployment.inference.unload(outputs.models[1]!)
        await ask(CHAT_MODEL.name, { num_ctx: CHAT_MODEL.contextLength })
        await deployment.inference.load(outputs.models[1]!)
        expect(await loaded()).toContain(CHAT_MODEL.name)
        expect(await heal()).toEqual([CHAT_MODEL.serves])
        expect(await loaded()).toEqual(served)
      })

      it('is put right after a request with another context', async () => {
        await ask(CHAT_MODEL.serves, { num_ctx: 512 })
        expect(await heal()).toEqual([CHAT_MODEL.serves])
        expect(await heal()).toEqual([])
      })
    })

    it('fails when the deployment says another dimension than the model has', async () => {
      const models = outputs.models.map(model =>
        model.role === 'embedding' ? { ...model, dimensions: 768 } : model,
      ) as Outputs['models']
      const report = await run({ ...outputs, models })
      expect(exitCode(report)).toBe(1)
      const failures = report.checks.filter(({ verdict }) => verdict === 'failed')
      expect(failures.map(({ name, detail }) => [name, detail])).toEqual(
        expect.arrayContaining([
          ['embedding-vectors', 'all-minilm:latest gives 384 dimensions; the deployment says 768'],
          ['shard-settings', expect.stringContaining('dimension is 384 and should be 768')],
        ]),
      )
      expect(await snapshot(deployment)).toEqual(before)
    })

    it('could not check the shards when nobody said how long an embedding is', async () => {
      const models = outputs.models.map(({ dimensions, ...model }) => model) as Outputs['models']
      const report = await run({ ...outputs, models }, { checks: STORE_CHECKS })
      expect(exitCode(report)).toBe(3)
      expect(named(report, 'passed')).toEqual(['chroma-answers'])
      expect(await snapshot(deployment)).toEqual(before)
    })

    it('fails when a model has another digest than was provisioned, or is not there', async () => {
      const [first, ...others] = outputs.models
      const changed = { ...first!, digest: '0'.repeat(64) }
      const gone = { ...first!, name: 'none:latest', serves: 'none:latest-ctx512' }
      for (const [model, reason] of [
        [changed, 'with another digest'],
        [gone, 'none:latest is not in the pool'],
      ] as const) {
        const report = await run({ ...outputs, models: [model, ...others] })
        expect(exitCode(report)).toBe(1)
        const found = report.checks.find(({ name }) => name === 'models-present')
        expect(found).toMatchObject({ verdict: 'failed', mend: expect.stringContaining('models') })
        expect(found?.detail).toContain(reason)
      }
    })

    it('fails when a file of a model is cut short, and when deep, also when a byte of it is another', async () => {
      const checks = ALL.filter(({ name }) => name === 'models-intact')
      const verdict = async (deep: boolean) => (await run(outputs, { checks, deep })).verdict
      const blob = await smallestBlob(ollama.modelsFolder, outputs.models[0]!.name)
      const whole = await readFile(blob)
      try {
        await writeFile(blob, whole.subarray(1))
        expect(await verdict(false)).toBe('failed')
        const changed = Buffer.from(whole)
        changed[0]! ^= 1
        await writeFile(blob, changed)
        expect(await verdict(false)).toBe('passed')
        expect(await verdict(true)).toBe('failed')
      } finally {
        await writeFile(blob, whole)
      }
      expect(await verdict(true)).toBe('passed')
    })

    it('fails when Chroma dies in the middle, and says so in the check that met it', async () => {
      let died: Promise<void> | undefined
      try {
        const report = await run(outputs, {
          checks: telling(name => {
            if (name === 'shard-settings') died = chroma.kill()
          }),
        })
        expect(exitCode(report)).toBe(1)
        const failure = report.checks.find(({ verdict }) => verdict === 'failed')
        expect(failure?.name).toBe('chroma-round-trip')
        expect(failure?.detail).toContain(chroma.url)
      } finally {
        await died
        await chroma.start()
      }
      expect(await snapshot(deployment)).toEqual(before)
    })
  })
})

async function smallestBlob(folder: string, model: string): Promise<string> {
  const { layers = [] } = (await readManifest(folder, model)) ?? {}
  const [smallest] = layers.toSorted((a, b) => a.size - b.size)
  return blobPath(folder, smallest!.digest)
}

/** Runs verify in a process of its own and kills it while it makes the check that follows. */
async function killedAfter(check: string, outputs: Outputs): Promise<void> {
  const child = spawn(process.execPath, [WORKER, JSON.stringify(outputs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === check) break
  }
  child.kill('SIGKILL')
  await ended
}

const byName = (models: readonly RunningModel[]) =>
  models.toSorted((a, b) => a.name.localeCompare(b.name))
