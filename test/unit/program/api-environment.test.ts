import { describe, expect, it } from 'vitest'
import { apiEnvironment } from '../../../infra/servers/api-environment.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'

const told = (config: Record<string, unknown>) =>
  apiEnvironment(parseSettings('test', config, { HOME: '/home/ada' }))

describe('the API of a stack', () => {
  it.each(['local', 'docker', 'kubernetes'])('is told the settings of it on %s', target => {
    const api = {
      apiPort: 9003,
      apiHosts: 'knowledge.example.org, ks.example.org',
      apiProxies: '10.0.0.7, fd00::/8',
      apiRequestsPerMinute: 77,
    }
    expect(told({ target, ...api })).toEqual({
      KNOWLEDGE_API_PORT: '9003',
      KNOWLEDGE_API_HOSTS: api.apiHosts,
      KNOWLEDGE_API_PROXIES: api.apiProxies,
      KNOWLEDGE_API_REQUESTS_PER_MINUTE: '77',
      KNOWLEDGE_API_LOOPBACK: 'false',
    })
  })

  it.each([
    ['local', {}, true],
    // The processes of a stack listen on loopback whatever it says.
    ['local', { apiAddress: '0.0.0.0' }, true],
    ['local', { apiHosts: 'knowledge.example.org' }, false],
    ['local', { apiProxies: '10.0.0.7' }, false],
    ['docker', {}, true],
    ['docker', { apiAddress: '127.0.0.1' }, true],
    ['docker', { apiAddress: '127.8.8.8' }, true],
    ['docker', { apiAddress: '0.0.0.0' }, false],
    ['docker', { apiAddress: '10.0.0.5' }, false],
    ['docker', { apiHosts: 'knowledge.example.org' }, false],
    ['docker', { apiProxies: '172.18.0.1' }, false],
    ['kubernetes', {}, false],
    ['kubernetes', { apiAddress: '127.0.0.1' }, false],
  ])('on %s with %j is told that only its machine reaches it: %s', (target, api, only) => {
    expect(told({ target, ...api }).KNOWLEDGE_API_LOOPBACK).toBe(`${only}`)
  })
})
