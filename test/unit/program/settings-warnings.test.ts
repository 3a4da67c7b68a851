import { describe, expect, it } from 'vitest'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { readStackFile } from '../../../infra/settings/settings-file.ts'
import { warningsOf } from '../../../infra/settings/settings-warnings.ts'

const INGRESS = { host: 'knowledge.example.org', tlsSecret: 'certificate' }

/** What is warned of, each by the settings that it names, with the values that it shows. */
const warned = (config: Record<string, unknown>) =>
  warningsOf(parseSettings('test', config, { HOME: '/home/ada' }))

describe('a stack', () => {
  it.each([
    [{ apiAddress: '0.0.0.0' }, 'every address of this machine'],
    [{ apiAddress: '0.0.0.0', apiHosts: 'knowledge.example.org' }, 'every address'],
    // Whoever does not come through the proxy is served all the same.
    [{ apiAddress: '0.0.0.0', apiProxies: '10.0.0.7' }, 'every address'],
    [{ apiAddress: '10.0.0.5' }, 'the network'],
  ])(
    'whose API is published by %j is warned of tokens in clear, with what to do',
    (config, where) => {
      const [warning, ...others] = warned({ target: 'docker', apiPort: 8013, ...config })
      expect(others).toEqual([])
      expect(warning).toContain(`knowledge-stack:apiAddress is ${config.apiAddress}`)
      expect(warning).toContain(where)
      for (const mend of ['127.0.0.1:8013', 'TLS', 'apiHosts', 'apiProxies']) {
        expect(warning).toContain(mend)
      }
    },
  )

  it.each([
    {},
    { apiAddress: '127.0.0.1', apiHosts: 'knowledge.example.org', apiProxies: '172.16.0.0/12' },
    { apiAddress: '127.0.0.2' },
    { apiAddress: '10.0.0.5', apiProxies: '10.0.0.7' },
  ])('whose API is published by %j is not', config => {
    expect(warned({ target: 'docker', ...config })).toEqual([])
  })

  it.each(['dev', 'docker', 'prod'])(
    'that comes with the project is warned of nothing: %s',
    async name => {
      expect(warningsOf((await readStackFile(name)).settings)).toEqual([])
    },
  )

  it('of local processes is not, whose API is on loopback whatever apiAddress says', () => {
    const [told, ...more] = warned({ target: 'local', apiAddress: '0.0.0.0' })
    expect(told).toContain('apiAddress counts for nothing on the target local')
    expect(more).toEqual([])
  })

  it('with an Ingress is told that all behind it are one address, until it names its proxies', () => {
    const behind = { target: 'kubernetes', kubernetes: { ingress: INGRESS } }
    const [warning, ...others] = warned(behind)
    expect(others).toEqual([])
    expect(warning).toMatch(
      /kubernetes\.ingress is set and knowledge-stack:apiProxies is empty.*10\.244/,
    )
    expect(warned({ ...behind, apiProxies: '10.244.0.0/16' })).toEqual([])
    expect(warned({ target: 'kubernetes' })).toEqual([])
  })

  it.each([
    ['modelMirror', 'https://models.example.org/library', 'models.example.org'],
    ['modelMirror', 'http://registry.tools.svc:5000/library', 'registry.tools.svc'],
    ['httpsProxy', 'http://ada:s3cret@proxy.example.org:3128', 'proxy.example.org'],
  ])('on a cluster with %s %s is told that its address may be a closed one', (key, value, host) => {
    const named = { target: 'kubernetes', [key]: value }
    const [warning, ...others] = warned(named)
    expect(others).toEqual([])
    expect(warning).toContain(`knowledge-stack:${key} names ${host}`)
    expect(warning).toContain('kubernetes.pullFrom')
    expect(warning).not.toContain('s3cret')
    expect(warned({ ...named, kubernetes: { pullFrom: ['10.0.0.7/32'] } })).toEqual([])
    expect(warned({ ...named, target: 'docker' })).toEqual([])
  })

  it.each(['http://10.1.2.3:5000/models', 'http://[fd12::7]/models', 'https://1.1.1.1/models'])(
    'on a cluster whose mirror is named by its address is not: %s',
    modelMirror => {
      expect(warned({ target: 'kubernetes', modelMirror })).toEqual([])
    },
  )

  it('on a cluster whose backups go to a name is told that its address may be a closed one', () => {
    const backup = (endpoint: string, ranges: string[] = []) => ({
      target: 'kubernetes',
      backup: { to: 's3://archives', schedule: '@daily', secret: 'storage', endpoint, ranges },
    })
    const [warning, ...others] = warned(backup('https://minio.example.org'))
    expect(others).toEqual([])
    expect(warning).toContain('knowledge-stack:backup.endpoint names minio.example.org')
    expect(warned(backup('https://minio.example.org', ['10.0.0.9/32']))).toEqual([])
    expect(warned(backup('http://10.0.0.9:9000'))).toEqual([])
    expect(warned(backup('http://minio.storage.svc:9000'))).toEqual([])
  })
})
