import { readFile } from 'node:fs/promises'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MadeSecrets } from '../../../infra/resources.ts'
import { tokensOf } from '../../../infra/settings/home-paths.ts'
import { MiB } from '../../../infra/units.ts'
import { noEngine, type RunningEngine, startEngine } from '../../support/docker/engine.ts'
import { provideImages } from '../../support/docker/images.ts'
import { makeDockerStack, partsOf } from '../../support/docker/stack.ts'
import { askLongPrompt, factsFrom } from '../../support/models/long-prompt.ts'
import { canLimitMemory, memorySeenOf } from '../../support/servers/memory-limit.ts'
import type { TestStack } from '../../support/stack/test-stack.ts'
import { NEEDS_NAMED, namedOllama } from '../../support/toolchain/test-ollama.ts'

const named = await namedOllama()
const MINUTES = 60_000
const PROMPTS = 50
const TEXTS = 200
/** What requests go by for the stack's embedding model, and more sentences than it reads. */
const EMBEDDING = { model: 'all-minilm:latest-ctx512', sentences: 40 }

describe.skipIf(noEngine !== undefined || named === undefined || !canLimitMemory)(
  `the container of an Ollama, held to its plan ${NEEDS_NAMED}`,
  () => {
    let engine: RunningEngine
    let stack: TestStack

    beforeAll(async () => {
      engine = await startEngine()
      await provideImages(engine.docker)
      stack = await makeDockerStack(engine, { ollamaVersion: named!.version, contextLength: 4096 })
    }, 12 * MINUTES)
    afterAll(async () => {
      await engine?.stop()
      await stack?.end()
    })

    /** Expects that the container is held to its plan, and that nothing in it was ever killed for memory. */
    const expectWithinPlan = async (when: string) => {
      const { 'ollama-cpu': container, 'ollama-cpu-front': front } = await partsOf(engine)
      const { State, RestartCount } = container!
      const { limit, most, kills } = await memorySeenOf(State.Pid)
      console.error(
        `${when}: most ${(most / MiB).toFixed(0)} of ${limit / MiB} MiB, ${kills} kills`,
      )
      const { document } = await stack.json('plan')
      const planned = document.workloads.find(({ kind }: { kind: string }) => kind === 'ollama')
      expect(limit + front!.HostConfig.Memory!).toBe(planned.limits.memory)
      expect({ kills, RestartCount }).toEqual({ kills: 0, RestartCount: 0 })
    }

    it('comes up from nothing, with its models, verified', { timeout: 10 * MINUTES }, async () => {
      const { code, stderr, document } = await stack.json('up')
      expect({ code, stderr, verdict: document.verdict }).toMatchObject({
        code: 0,
        verdict: 'passed',
      })
      expect(Object.keys(await partsOf(engine))).toContain('ollama-cpu')
      await expectWithinPlan('after up')
    })

    it(`is verified again after ${PROMPTS} different long prompts and ${TEXTS} embeddings at full length`, {
      timeout: 40 * MINUTES,
    }, async () => {
      const { provisioner }: MadeSecrets['tokens'] = JSON.parse(
        await readFile(tokensOf(stack.home), 'utf8'),
      )
      const headers = { authorization: `Bearer ${provisioner}` }
      const ollama = new Ollama({ host: `http://127.0.0.1:${stack.config.ollamaPort}`, headers })
      for (let n = 0; n < PROMPTS; n += 1) {
        expect(await askLongPrompt(ollama, n)).toBeGreaterThan(2000)
      }
      await expectWithinPlan(`after ${PROMPTS} prompts`)
      for (let n = 0; n < TEXTS; n += 1) {
        const input = factsFrom(n, EMBEDDING.sentences)
        const { prompt_eval_count } = await ollama.embed({ model: EMBEDDING.model, input })
        expect(prompt_eval_count).toBeGreaterThan(500)
      }
      await expectWithinPlan(`after ${TEXTS} embeddings`)
      const { code, document } = await stack.json('verify')
      const notPassed = document.checks.filter(
        ({ verdict }: { verdict: string }) => verdict === 'failed' || verdict === 'unchecked',
      )
      expect({ code, notPassed }).toEqual({ code: 0, notPassed: [] })
      await expectWithinPlan('after verify')
    })

    it('changes nothing at a second up', { timeout: 5 * MINUTES }, async () => {
      const { code, document } = await stack.json('up')
      expect({ code, changed: document.changed }).toEqual({ code: 0, changed: false })
    })
  },
)
