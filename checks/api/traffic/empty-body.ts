import type { FastifyInstance } from 'fastify'

/**
 * Some programs name a type for the body that they do not send: PowerShell's Invoke-WebRequest that of a form, other
 * clients that of JSON. What is not there is of no type.
 */
export function acceptEmptyBodies(api: FastifyInstance): void {
  api.addHook('onRequest', async ({ headers }) => {
    if (headers['content-length'] === '0') delete headers['content-type']
  })
}
