import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { Failure } from '../../../infra/failure.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { gateOnPlan } from '../../../provision/plan/deploy-decision.ts'

/** As Docker 20.10 says it where all cgroups are mounted. */
const ALL = { MemoryLimit: true, SwapLimit: true, CpuCfsQuota: true }
/** The same with the memory cgroup unmounted (seen), and with that of cpu unmounted too. */
const NO_MEMORY = { ...ALL, MemoryLimit: false, SwapLimit: false }
const NO_CPU = { ...NO_MEMORY, CpuCfsQuota: false }

describe('a stack of containers, before anything starts,', () => {
  it('goes without a word where the kernel holds every limit', async () => {
    expect((await leave(ALL)).warning).toBeUndefined()
  })

  it('is told that nothing holds its containers where there is no memory cgroup, and goes on', async () => {
    const { plan, warning } = await leave(NO_MEMORY)
    expect(plan?.workloads).not.toEqual([])
    expect(warning).toMatch(/no memory cgroup.*\(.*ollama-cpu \d+ MiB.*api 512 MiB/s)
    expect(warning).toContain('cgroup_enable=memory')
  })

  it('is told where swap is not limited', async () => {
    expect((await leave({ ...ALL, SwapLimit: false })).warning).toContain('swapaccount=1')
  })

  it('is told beside what it deploys in spite of', async () => {
    const { warning } = await leave(NO_MEMORY, { deployUnfit: true })
    expect(warning).toMatch(/deployUnfit.*\nWARNING: .*no memory cgroup/s)
  })

  it('is refused where Docker would refuse each container, with its name', async () => {
    const refusal = await leave(NO_CPU).catch(error => error)
    expect(refusal).toBeInstanceOf(Failure)
    expect(refusal.exitCode).toBe(3)
    expect(refusal.message).toMatch(/cannot hold containers to cores.*: chroma, ollama-cpu, api/)
  })
})

/** Planned with an Engine that has nothing of the stack, and such a kernel. */
async function leave(limits: typeof ALL, settings: Record<string, unknown> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'))
  const socket = join(folder, 'docker.sock')
  const info = { ...limits, Architecture: 'x86_64', DockerRootDir: folder, Runtimes: { runc: {} } }
  const answers: Record<string, unknown> = {
    info,
    'containers/json': [],
    networks: [],
    volumes: { Volumes: [] },
  }
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!.slice(1)
    response.writeHead(path in answers ? 200 : 404)
    response.end(JSON.stringify(answers[path] ?? { message: 'not here' }))
  }).listen(socket)
  await once(server, 'listening')
  vi.stubEnv('DOCKER_HOST', `unix://${socket}`)
  vi.stubEnv('DOCKER_CONTEXT', undefined)
  try {
    const ports = { chromaPort: 18_000, ollamaPort: 18_100, apiPort: 18_200 }
    const models = { embeddingModel: 'all-minilm', chatModel: 'smollm2:135m', creators: 1000 }
    const configured = { target: 'docker', home: folder, ...ports, ...models, ...settings }
    return await gateOnPlan(parseSettings('limits', configured))
  } finally {
    vi.unstubAllEnvs()
    server.close().closeAllConnections()
    await rm(folder, { recursive: true })
  }
}
