import type { Settings } from '../settings/parse-settings.ts'

/** What the HTTP API is told of its stack, whatever runs it; checks/api/api-environment.ts reads it. */
export const apiEnvironment = ({ api, target }: Settings): Record<string, string> => ({
  KNOWLEDGE_API_PORT: `${api.port}`,
  KNOWLEDGE_API_HOSTS: api.hosts,
  KNOWLEDGE_API_PROXIES: api.proxies,
  KNOWLEDGE_API_LOOPBACK: `${isOnLoopback({ api, target })}`,
  KNOWLEDGE_API_REQUESTS_PER_MINUTE: `${api.requestsPerMinute}`,
})

/** Whether nobody but programs of its machine reaches the API: it has neither an address beyond nor a proxy before it. */
export const isOnLoopback = ({ api, target }: Pick<Settings, 'api' | 'target'>): boolean =>
  (target === 'local' || (target === 'docker' && api.address.startsWith('127.'))) &&
  api.hosts === '' &&
  api.proxies === ''
