import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stack } from '@pulumi/pulumi/automation/index.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFree } from '../../../provision/processes/free-port.ts'
import { processesWith } from '../../../provision/processes/process-table.ts'
import {
  type ForwardProxy,
  LOOPBACK,
  startForwardProxy,
} from '../../support/servers/forward-proxy.ts'
import { freePort } from '../../support/servers/ports.ts'
import { type PlainStack, plainStack } from '../../support/stack/plain-stack.ts'
import { recordedPid } from '../../support/stack/test-stack.ts'

const NO_CHANGES = { expectNoChanges: true }

/** Pulumi alone, without the project's scripts: a file backend, a passphrase, and a project folder of its own. */
describe('plain Pulumi', () => {
  let folder: string
  let stack: Stack
  let plain: PlainStack
  let proxy: ForwardProxy
  let ports: { chroma: number; ollama: number }

  beforeAll(async () => {
    proxy = await startForwardProxy()
    plain = await plainStack(proxy.env)
    ;({ folder, stack } = plain)
    ports = { chroma: await freePort(), ollama: await freePort() }
    await plain.configure({
      chromaPort: ports.chroma,
      ollamaPort: ports.ollama,
      apiPort: await freePort(),
      embeddingModel: 'all-minilm',
      chatModel: 'smollm2:135m',
      contextLength: 1024,
    })
  })

  afterAll(async () => {
    await stack?.destroy()
    await plain?.forget()
    await proxy?.close()
  })

  it('deploys, pulls the models and verifies', async () => {
    const { outputs, summary } = await stack.up()
    expect(summary.result).toBe('succeeded')
    expect(outputs.report?.value).toMatchObject({ verdict: 'passed' })
  })

  it("asks the shell's proxy for nothing on loopback: not for the engine, nor for a server", () => {
    expect(proxy.asked.filter(target => LOOPBACK.test(target))).toEqual([])
  })

  it('finds nothing to change afterwards, and no drift', async () => {
    const { changeSummary } = await stack.preview(NO_CHANGES)
    expect(changeSummary).toEqual({ same: expect.any(Number) })
  })

  it('puts no other Chroma under the data, and says what does it', async () => {
    await plain.configure({ chromaVersion: '1.5.8' })
    await expect(stack.up()).rejects.toThrow(/npm run up -- --stack/)
    await stack.removeConfig('knowledge-stack:chromaVersion')
    expect((await stack.preview(NO_CHANGES)).changeSummary).toEqual({ same: expect.any(Number) })
  })

  it('sees the drift when a model is gone from the server, and pulls it again', async () => {
    const deleted = await fetch(`http://127.0.0.1:${ports.ollama}/api/delete`, {
      method: 'DELETE',
      body: JSON.stringify({ model: 'smollm2:135m-ctx1024' }),
    })
    expect(deleted.status).toBe(200)
    await expect(stack.preview(NO_CHANGES)).rejects.toThrow()
    expect((await stack.up()).summary.resourceChanges).toMatchObject({ create: 1 })
    await stack.preview(NO_CHANGES)
  })

  it('sees the drift when a server died, and starts it again', async () => {
    const { value } = (await stack.outputs()).report as { value: { runId: string } }
    const tags = await fetch(`http://127.0.0.1:${ports.ollama}/api/tags`)
    expect(tags.ok).toBe(true)
    process.kill(-(await recordedPid(join(folder, 'home/processes/ollama.json'))), 'SIGKILL')
    await expect(stack.preview(NO_CHANGES)).rejects.toThrow()
    const { outputs } = await stack.up()
    expect(outputs.report?.value).toMatchObject({ verdict: 'passed' })
    expect(outputs.report?.value.runId).not.toBe(value.runId)
  })

  it('fails the update when the verification fails, and says which check, without a stack trace', async () => {
    const wrong = { role: 'embedding', dimensions: '768', contextLength: '512', sizeBytes: '1' }
    for (const [key, value] of Object.entries(wrong)) {
      await stack.setConfig(`models["all-minilm"].${key}`, { value }, true)
    }
    const error = await stack.up().catch((failed: Error) => failed)
    expect(String(error)).toMatch(/embedding-vectors/)
    expect(String(error)).not.toMatch(/\n\s+at .*provision\//)
    await stack.removeConfig('models', true)
    expect((await stack.up()).summary.result).toBe('succeeded')
  })

  it('refuses a wrong setting by name and value, without a stack trace', async () => {
    await stack.setConfig('shards', { value: '51' })
    const error = await stack.preview().catch((failed: Error) => failed)
    expect(String(error)).toMatch(/knowledge-stack:shards is "51": allowed is at most 50/)
    expect(String(error)).not.toMatch(/\n\s+at .*infra\//)
    await stack.removeConfig('shards')
  })

  it('has a provider that ends by itself when the engine is killed', async () => {
    await plain.configure({ parallel: 2 })
    const update = stack.up().catch(() => undefined)
    const providers = () =>
      processesWith('PULUMI_BACKEND_URL', `file://${folder}/state`).filter(pid =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('provider/main.ts'),
      )
    await expect.poll(providers, { timeout: 20_000, interval: 20 }).toHaveLength(1)
    const [provider] = providers()
    const engine = readFileSync(`/proc/${provider}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]
    process.kill(Number(engine), 'SIGKILL')
    await update
    await expect.poll(providers, { timeout: 20_000 }).toEqual([])
    await stack.cancel()
    expect((await stack.up()).summary.result).toBe('succeeded')
  })

  it('leaves no process and no port after destroy', async () => {
    await stack.destroy()
    expect(await isFree(ports.chroma)).toBe(true)
    expect(await isFree(ports.ollama)).toBe(true)
  })
})
