import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stringify } from 'yaml'
import { kubeConfig } from '../../../checks/transport/kube-config.ts'

const PROXY = 'http://proxy.example.org:3128'

describe("the cluster's API server", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kube-config-'))
    vi.stubEnv('KUBECONFIG', join(folder, 'config'))
    vi.stubEnv('HTTPS_PROXY', PROXY)
    vi.stubEnv('https_proxy', undefined)
    vi.stubEnv('no_proxy', '10.0.0.0/8')
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true })
  })

  it.each([
    ['is reached through the proxy of the environment', 'https://api.example.org:6443', {}, PROXY],
    ['is reached directly where no_proxy has its range', 'https://10.1.2.3:6443', {}, undefined],
    ['is reached directly on loopback', 'https://127.0.0.1:6443', {}, undefined],
    [
      'is reached as its configuration says where that names a proxy',
      'https://api.example.org:6443',
      { 'proxy-url': 'http://own.example.org:1' },
      'http://own.example.org:1',
    ],
  ])('%s', async (_, server, more, expected) => {
    const config = {
      clusters: [{ name: 'it', cluster: { server, ...more } }],
      users: [{ name: 'ada', user: {} }],
      contexts: [{ name: 'it', context: { cluster: 'it', user: 'ada' } }],
      'current-context': 'it',
    }
    await writeFile(join(folder, 'config'), stringify(config))
    expect((await kubeConfig()).getCurrentCluster()?.proxyUrl).toBe(expected)
  })
})
