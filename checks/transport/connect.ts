import type { Endpoint } from '../../infra/outputs.ts'
import { forwardPort } from './port-forward.ts'

/** A server as it is reached from here. */
export interface ConnectedEndpoint {
  url: string
  /** Go along with every request. They may hold a token: never for a message, a log or a report. */
  headers: Readonly<Record<string, string>>
  /** Takes back what the way there needed. */
  close(): Promise<void>
}

/**
 * The one place where the outputs' word on how a server is reached becomes a URL, and the headers to go with it.
 * @throws Failure for a cluster that cannot be reached, or has no pod there that is ready
 */
export async function connect(endpoint: Endpoint): Promise<ConnectedEndpoint> {
  const headers = bearer(endpoint.token)
  if (endpoint.kind === 'direct')
    return { url: endpoint.url, headers, close: async () => undefined }
  return { ...(await forwardPort(endpoint)), headers }
}

/** The header that shows a token; none without one. */
export const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` }
