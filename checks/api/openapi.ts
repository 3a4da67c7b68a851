import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
} from 'fastify-type-provider-zod'
import type { OpenAPIV3_1 } from 'openapi-types'
import type { z } from 'zod'
import { PROJECT_VERSION } from '../../infra/project.ts'
import { explain } from '../store/records/explain-issue.ts'
import { HttpError } from './errors.ts'

/** As the library's own, with words for people in place of its list of issues. */
const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart }) =>
  data => {
    // Fastify says null where there is no body.
    const parsed = schema.safeParse(data ?? undefined, { reportInput: true })
    if (parsed.success) return { value: parsed.data }
    return { error: new HttpError(400, 'invalid', `${httpPart}: ${explain(parsed.error)}`) }
  }

/** Has the routes' zod schemas check what comes and what goes, and describe both in an OpenAPI document. */
export async function documentRoutes(api: FastifyInstance): Promise<void> {
  api.setValidatorCompiler(validatorCompiler)
  api.setSerializerCompiler(serializerCompiler)
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'knowledge-stack',
        description:
          "Health, models and creators' knowledge of one deployment. Where a call names scopes, it takes a token of one of them; a creator's token is bound to the creator.",
        version: PROJECT_VERSION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      // Unless an operation says otherwise.
      security: [],
      tags: [
        { name: 'health', description: 'How the servers are' },
        { name: 'models', description: 'How the models are, and a try of each' },
        { name: 'creators', description: "One creator's documents, and what is nearest to a text" },
      ],
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: document => tidied(jsonSchemaTransformObject(document)),
  })
  api.get(
    '/openapi.json',
    {
      config: { rateLimit: false, access: 'anyone' },
      schema: { hide: true, summary: 'Every call with its errors, as OpenAPI' },
    },
    async () => api.swagger(),
  )
}

/** The document without what its makers put in it that is not so. */
function tidied(made: ReturnType<typeof jsonSchemaTransformObject>): OpenAPIV3_1.Document {
  const document = made as OpenAPIV3_1.Document
  for (const operation of operationsOf(document)) {
    const body = operation.requestBody as OpenAPIV3_1.RequestBodyObject | undefined
    const schema = body?.content['application/json']?.schema
    // A body with a default may be left out.
    if (schema !== undefined && 'default' in schema) body!.required = false
  }
  return onlyUsed(document)
}

const operationsOf = ({ paths = {} }: OpenAPIV3_1.Document): OpenAPIV3_1.OperationObject[] =>
  Object.values(paths).flatMap(path => Object.values(path ?? {}) as OpenAPIV3_1.OperationObject[])

/**
 * Each schema comes in two forms, as it is taken and as it is given; the routes use one of them, which then has the name
 * of both.
 */
function onlyUsed({ components, ...rest }: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const schemas = components?.schemas ?? {}
  const used = new Set<string>()
  const visit = (part: unknown) => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(REFERENCE)) {
      if (used.has(name)) continue
      used.add(name)
      visit(schemas[name])
    }
  }
  visit(rest)
  const plainOf = (name: string) => {
    const plain = name.replace(/Input$/, '')
    return used.has(plain) ? name : plain
  }
  const kept = Object.entries(schemas).filter(([name]) => used.has(name))
  const named = Object.fromEntries(kept.map(([name, schema]) => [plainOf(name), schema]))
  const document = { ...rest, components: { ...components, schemas: named } }
  const renamed = JSON.stringify(document).replaceAll(
    REFERENCE,
    (_, name: string) => `"#/components/schemas/${plainOf(name)}"`,
  )
  return JSON.parse(renamed)
}

const REFERENCE = /"#\/components\/schemas\/([^"/]+)"/g
