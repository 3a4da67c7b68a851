import { describe, expect, it } from 'vitest'
import { sizeStack } from '../../../infra/capacity/stack.ts'
import { requireWorkload } from '../../../infra/capacity/workload.ts'
import { GiB, MiB } from '../../../infra/units.ts'
import { refusalOf } from '../../support/servers/refusal.ts'
import { machineOf, stackDemand } from '../../support/stack/demand.ts'

const L4 = { product: 'L4', memory: 22 * GiB, resource: 'nvidia.com/gpu' }
const T4 = { ...L4, product: 'T4', memory: 14 * GiB }

const sized = (changes: object, ...gpus: (typeof L4)[]) =>
  sizeStack({ ...stackDemand('gpt-oss:20b'), ...changes }, [machineOf(64, { gpus })]).workloads

describe('the workloads of a stack', () => {
  it('are its Chroma servers, an Ollama for each pool, and the API', () => {
    const { data } = stackDemand('gpt-oss:20b')
    const names = sized({ data: { ...data, instances: 2 } }).map(({ name }) => name)
    expect(names).toEqual(['chroma-0', 'chroma-1', 'ollama-cpu', 'api'])
  })

  it('have an Ollama for each kind of GPU that models are put on, named by its pool', () => {
    const ollama = sized({}, L4).filter(({ kind }) => kind === 'ollama')
    expect(ollama.map(({ name, pool }) => [name, pool])).toEqual([['ollama-gpu', 'gpu']])
    const [both] = ollama
    expect(both!.models).toEqual(['nomic-embed-text:latest', 'gpt-oss:20b'])
  })

  it("request for server and front together what is placed, disk and GPU being the server's", () => {
    for (const { kind, server, front, requests } of sized({ authProxies: true }, L4)) {
      expect(front === undefined).toBe(kind === 'api')
      expect(requests.memory).toBe(server.requests.memory + (front?.requests.memory ?? 0))
      expect(requests.cpu).toBeCloseTo(server.requests.cpu + (front?.requests.cpu ?? 0))
      expect(requests.disk).toBe(server.requests.disk)
      expect(requests.gpu).toEqual(server.requests.gpu)
    }
  })

  it('have no front on a laptop', () => {
    expect(sized({ authProxies: false }).every(({ front }) => front === undefined)).toBe(true)
  })

  it('are on a cluster as many as the replicas, each Ollama with what brings its models in', () => {
    const workloads = sized({ authProxies: true, pods: { ollama: 2, api: 3, verification: true } })
    const names = [
      'chroma',
      'ollama-cpu',
      'ollama-cpu (2)',
      'api',
      'api (2)',
      'api (3)',
      'verification',
    ]
    expect(workloads.map(({ name }) => name)).toEqual(names)
    for (const { kind, server, front, keeper, requests } of workloads) {
      expect(keeper === undefined).toBe(kind !== 'ollama')
      const parts = [server, front, keeper].flatMap(part => part?.requests.memory ?? [])
      expect(requests.memory).toBe(parts.reduce((sum, bytes) => sum + bytes))
    }
  })

  it('keep the Ollama of a pool off GPUs that report too little memory', () => {
    const { nodes, requests } = requireWorkload(sized({}, L4), 'ollama-gpu')
    const [{ key, operator, values }] = nodes as [(typeof nodes)[number]]
    expect([key, operator]).toEqual(['nvidia.com/gpu.memory', 'Gt'])
    const above = Number(values![0])
    expect((above + 1) * MiB * (1 - 0.0065)).toBeGreaterThanOrEqual(requests.gpu!.memory)
    expect(above * MiB * (1 - 0.0065)).toBeLessThan(requests.gpu!.memory)
  })

  it('need no label for a MIG slice, whose resource says its size', () => {
    const slice = { ...T4, resource: 'nvidia.com/mig-3g.20gb' }
    const { nodes, requests } = requireWorkload(sized({}, slice), 'ollama-gpu')
    expect(requests.gpu!.resource).toBe('nvidia.com/mig-3g.20gb')
    expect(nodes).toEqual([])
  })

  it('cannot be had without a plan', () => {
    expect(refusalOf(() => requireWorkload([], 'chroma')).text).toContain('npm run plan')
  })
})
