import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'

/** Where people read the OpenAPI document, and try its calls. */
export const DOCS = '/docs'

/** Swagger UI, which loads all it needs from here: what it sets styles by, while it runs, is in no file. */
export const docs: FastifyPluginAsync = async api => {
  api.decorate('accessOfAll', 'anyone')
  await api.register(swaggerUi, {
    routePrefix: DOCS,
    theme: { title: 'knowledge-stack: the API' },
    uiConfig: { layout: 'BaseLayout', docExpansion: 'list', deepLinking: true },
    staticCSP: {
      'default-src': "'none'",
      'connect-src': "'self'",
      'img-src': "'self' data:",
      'script-src': "'self'",
      'style-src': "'self' 'unsafe-inline'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    },
  })
}
