/** Probes in seconds. Those of the front's port work although the servers themselves listen on loopback. */

const get = (path: string, port: number) => ({ httpGet: { path, port } })

/** Looked at again and again; three failures in a row count. */
export const probe = (path: string, port: number, every = 10) => ({
  ...get(path, port),
  periodSeconds: every,
  timeoutSeconds: 5,
  failureThreshold: 3,
})

/** Until it succeeds no other probe is made; the container has this long before it is started again. */
export const startup = (path: string, port: number, within: number, every = 10) => ({
  ...get(path, port),
  periodSeconds: every,
  timeoutSeconds: 5,
  failureThreshold: Math.ceil(within / every),
})
