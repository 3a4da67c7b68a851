/** Who has a token: the application, or the provisioner, who pulls models and deletes them. */
export type ProxyCaller = 'application' | 'provisioner'

/** One rule of an auth proxy: who may send these requests. */
export interface Route {
  methods: readonly ('GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[]
  /**
   * The path as it stands in the request line, as a regular expression. It is compared before anything is decoded
   * or normalised, and the same bytes go on to the server: `%2e`, `//`, another case or a slash at the end make
   * another path, which no rule names.
   */
  path: string
  allows: 'anyone' | readonly ProxyCaller[]
  /** It needs room on the disk of the server, and is refused (507) while there is none. */
  writes?: true
}

/** What an auth proxy serves, and to whom. */
export interface Rules {
  routes: readonly Route[]
  /** Who may send everything that no route names; nobody when empty. */
  everythingElse: readonly ProxyCaller[]
}

/** Path at which a proxy says that it runs, whatever the server behind it does. */
export const ALIVE_PATH = '/alive'
/** Path at which a proxy tells whether the disk of its server has room (200) or not (507). */
export const DISK_PATH = '/disk'

const LOOK = ['GET', 'HEAD'] as const
const BOTH = ['application', 'provisioner'] as const

/** Names and UUIDs: no dot in front, so no `.` and `..`, and nothing that is percent-encoded. */
const SEGMENT = '[A-Za-z0-9_-][A-Za-z0-9._-]*'

/**
 * Ollama: asking models is for the application. What changes the store, and every route that a later version may
 * add, is for the provisioner alone. Its start page is open for probes: it says that the server runs, loads
 * nothing and tells nothing.
 */
export const OLLAMA_RULES: Rules = {
  routes: [
    { methods: LOOK, path: '/', allows: 'anyone' },
    { methods: LOOK, path: '/api/(version|tags|ps)', allows: BOTH },
    { methods: ['POST'], path: '/api/(show|embed|chat|generate)', allows: BOTH },
  ],
  everythingElse: ['provisioner'],
}

/**
 * Chroma: its data is for those who hold its token. `heartbeat` and `healthcheck` are open for probes: they touch
 * no data. What is not named, `reset` above all, is for nobody.
 */
export const CHROMA_RULES: Rules = {
  routes: [
    { methods: LOOK, path: '/api/v2/(heartbeat|healthcheck)', allows: 'anyone' },
    {
      methods: LOOK,
      path: '/api/v2/(version|pre-flight-checks|auth/identity)',
      allows: ['application'],
    },
    { methods: LOOK, path: `/api/v2/tenants(/${SEGMENT})*`, allows: ['application'] },
    {
      methods: ['POST'],
      path: `/api/v2/tenants/${SEGMENT}/databases/${SEGMENT}/collections/${SEGMENT}/(get|query)`,
      allows: ['application'],
    },
    {
      methods: ['POST', 'PUT', 'PATCH', 'DELETE'],
      path: `/api/v2/tenants(/${SEGMENT})*`,
      allows: ['application'],
      writes: true,
    },
  ],
  everythingElse: [],
}
