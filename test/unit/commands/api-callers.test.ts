import { expect, it } from 'vitest'
import { readCallers } from '../../../checks/api/api-environment.ts'
import { LIMITS } from '../../../checks/api/traffic/limits.ts'
import { apiEnvironment } from '../../../infra/servers/api-environment.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'

it('an API in the foreground has the hosts, proxies and limits of its stack, as the deployed one', () => {
  const settings = parseSettings('test', {
    apiHosts: 'knowledge.example, api.example',
    apiProxies: '10.0.0.7, 10.244.0.0/16',
    apiRequestsPerMinute: 77,
  })
  expect(readCallers(apiEnvironment(settings))).toEqual({
    hosts: ['knowledge.example', 'api.example'],
    proxies: ['10.0.0.7', '10.244.0.0/16'],
    limits: { ...LIMITS, requestsPerMinute: 77 },
  })
})
