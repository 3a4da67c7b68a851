import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Check } from '../../../checks/check.ts'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import shardSettings from '../../../checks/data/shard-settings.ts'
import { runChecks } from '../../../checks/run-checks.ts'
import chromaAnswers from '../../../checks/servers/chroma-answers.ts'
import ollamaAnswers from '../../../checks/servers/ollama-answers.ts'
import routesClosed from '../../../checks/servers/routes-closed.ts'
import { CHROMA_RULES, OLLAMA_RULES } from '../../../infra/auth-proxy/routes.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import {
  type KubernetesObject,
  kubernetesObjects,
} from '../../support/kubernetes/kubernetes-objects.ts'
import { probeOf, succeeds } from '../../support/kubernetes/probes.ts'
import { type RunningAuthProxy, startAuthProxy } from '../../support/servers/auth-proxy.ts'
import { debianCommand } from '../../support/servers/debian.ts'
import { freePort } from '../../support/servers/ports.ts'
import { startTinyDeployment, type TinyDeployment } from '../../support/store/tiny-deployment.ts'

const nginx = await debianCommand('nginx', 'nginx-light')
const TOKENS = { application: 'a1'.repeat(32), provisioner: 'b2'.repeat(32) }

describe.skipIf(nginx === undefined)('a deployment behind auth proxies (needs nginx)', () => {
  let tiny: TinyDeployment
  let chroma: RunningAuthProxy
  let ollama: RunningAuthProxy
  /** The deployment as its outputs have it: each server at its auth proxy. */
  let fronted: Outputs
  let objects: KubernetesObject[]

  beforeAll(async () => {
    objects = await kubernetesObjects()
    tiny = await startTinyDeployment()
    const portOf = (reach: { url: string }) => Number(new URL(reach.url).port)
    const { application } = TOKENS
    chroma = await startAuthProxy(nginx!, {
      upstream: portOf(tiny.outputs.chroma.instances[0].reach),
      rules: CHROMA_RULES,
      tokens: { application },
    })
    ollama = await startAuthProxy(nginx!, {
      upstream: portOf(tiny.outputs.ollama[0].reach),
      rules: OLLAMA_RULES,
      tokens: TOKENS,
    })
    fronted = at(chroma, ollama, application)
  })
  afterAll(async () => {
    await chroma?.stop()
    await ollama?.stop()
    await tiny?.stop()
  })

  function at(chroma: { port: number }, ollama: { port: number }, token: string): Outputs {
    const reach = ({ port }: { port: number }) => ({
      kind: 'direct' as const,
      url: `http://127.0.0.1:${port}`,
      token,
    })
    const [pool] = tiny.outputs.ollama
    const chromas = { ...tiny.outputs.chroma, instances: [{ reach: reach(chroma) }] }
    return {
      ...tiny.outputs,
      chroma: chromas as Outputs['chroma'],
      ollama: [{ ...pool, reach: reach(ollama) }],
    }
  }

  async function verdicts(outputs: Outputs, some?: Check[]): Promise<Record<string, string>> {
    const { signal } = new AbortController()
    const { checks } = await runChecks(outputs, {
      readOnly: false,
      signal,
      ...(some && { checks: some }),
    })
    expect(JSON.stringify(checks)).not.toContain(TOKENS.application)
    return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]))
  }

  it('is verified with the token of the application as it is without auth proxies', async () => {
    const plain = await verdicts(tiny.outputs)
    expect(plain['routes-closed']).toBe('skipped')
    expect(await verdicts(fronted)).toEqual({ ...plain, 'routes-closed': 'passed' })
  })

  it('cannot be used with a token that is not valid', async () => {
    const outputs = at(chroma, ollama, TOKENS.application.replace('a', 'b'))
    const checks = [chromaAnswers, shardSettings, ollamaAnswers]
    expect(await verdicts(outputs, checks)).toEqual({
      'chroma-answers': 'passed',
      'shard-settings': 'failed',
      'ollama-answers': 'failed',
    })
  })

  /** The parts of a pod whose probe fails: what the kubelet starts again, and what no request is sent to. */
  const failing = async (set: string, server: string, fronted: Pick<RunningAuthProxy, 'port'>) => {
    const own = new URL(set === 'chroma' ? tiny.chroma.url : tiny.ollama.url).port
    const podPort = set === 'chroma' ? 8000 : 11_434
    const ports = { 8080: fronted.port, [podPort]: Number(own) }
    const asked = [
      [server, 'startup'],
      [server, 'liveness'],
      ['front', 'liveness'],
      ['front', 'readiness'],
    ] as const
    const failed = asked.map(async ([container, kind]) =>
      (await succeeds(probeOf(objects, set, container, kind), ports))
        ? []
        : [`${container}: ${kind}`],
    )
    return (await Promise.all(failed)).flat()
  }
  const stopped = async (pid: number, while_: () => Promise<void>) => {
    process.kill(pid, 'SIGSTOP')
    await while_().finally(() => process.kill(pid, 'SIGCONT'))
  }

  it.concurrent.each([
    ['chroma', 'chroma'],
    ['ollama-gpu', 'ollama'],
  ])('has what fails started again in a pod of %s, and nothing else', async (set, name) => {
    const front = name === 'chroma' ? chroma : ollama
    const server = name === 'chroma' ? tiny.chroma : tiny.ollama
    expect(await failing(set, name, front)).toEqual([])
    await stopped(-front.pid, async () => {
      expect(await failing(set, name, front)).toEqual(['front: liveness', 'front: readiness'])
    })
    await stopped(-server.pid, async () => {
      expect(await failing(set, name, front)).toEqual([
        `${name}: startup`,
        `${name}: liveness`,
        'front: readiness',
      ])
    })
    expect(await failing(set, name, { port: await freePort() })).toEqual([
      'front: liveness',
      'front: readiness',
    ])
    expect(await failing(set, name, front)).toEqual([])
  })

  it('is found open where the auth proxy lets the application do what it may not', async () => {
    const open = await startAuthProxy(nginx!, {
      upstream: Number(new URL(tiny.outputs.ollama[0].reach.url).port),
      rules: { ...OLLAMA_RULES, everythingElse: ['application'] },
      tokens: TOKENS,
    })
    try {
      const outputs = at(chroma, open, TOKENS.application)
      expect(await verdicts(outputs, [routesClosed])).toEqual({ 'routes-closed': 'failed' })
      const direct = await openDeployment(tiny.outputs)
      const left = await direct.inference.status()
      expect(left.map(({ digest }) => digest)).not.toContain(undefined)
      await direct.close()
    } finally {
      await open.stop()
    }
  })
})
