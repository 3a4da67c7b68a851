import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import staticFiles from '@fastify/static'
import fastify, { type FastifyInstance } from 'fastify'
import { manifestPath, readManifest } from '../../checks/models/model-files.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'

export interface MirrorServer {
  /** `http://host:port`; as a source of models it is `mirror host:port/<namespace>`, with `insecure: true`. */
  url: string
  close(): Promise<void>
}

const NAME = '^[\\w][\\w.-]*$'
const SHA256 = 'sha256:'
const DIGEST = `^${SHA256}[0-9a-f]{64}$`
const REFERENCE = `${NAME}|${DIGEST}`
const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json'

/**
 * Serves an Ollama model folder as a registry that Ollama can pull from: `library` models as
 * /v2/library/<model>/…, others under their own namespace. It only reads, and every name that the folder holds
 * can be had by whoever reaches the port.
 * @param folder Ollama's model folder (`OLLAMA_MODELS`), with `manifests` and `blobs`
 * @param options.port TCP port; 0 takes a free one
 * @throws Failure `misused` when the folder is none; `unavailable` when the port cannot be had
 */
export async function serveMirror(
  folder: string,
  options: { port: number; host: string },
): Promise<MirrorServer> {
  if (!existsSync(join(folder, 'manifests'))) {
    throw new Failure('misused', `${folder} is no model folder of Ollama: it has no manifests`, {
      mend: 'name the folder that Ollama keeps its models in (OLLAMA_MODELS) with --folder',
    })
  }
  const server = mirrorServer(folder)
  try {
    const url = await server.listen(options)
    return { url, close: () => server.close() }
  } catch (error) {
    throw new Failure(
      'unavailable',
      `The mirror cannot listen on ${options.host}:${options.port}: ${reasonOf(error)}`,
      { mend: 'name a free port with --port' },
    )
  }
}

/** The mirror's routes, not yet listening. */
export function mirrorServer(folder: string): FastifyInstance {
  const server = fastify({ forceCloseConnections: true })
  server.register(staticFiles, { root: join(folder, 'blobs'), serve: false, cacheControl: false })

  // What clients ask first, to learn whether this is a registry.
  server.get('/v2/', (_, reply) =>
    reply.header('docker-distribution-api-version', 'registry/2.0').send({}),
  )

  server.get<{ Params: { namespace: string; model: string; reference: string } }>(
    '/v2/:namespace/:model/manifests/:reference',
    { schema: { params: pathParts({ namespace: NAME, model: NAME, reference: REFERENCE }) } },
    async ({ params: { namespace, model, reference } }, reply) => {
      const name = `${namespace}/${model}`
      const manifest = reference.startsWith(SHA256)
        ? await manifestOfDigest(folder, name, reference)
        : await readManifest(folder, `${name}:${reference}`)
      if (manifest === undefined) return reply.callNotFound()
      return reply
        .type(MANIFEST_TYPE)
        .header('docker-content-digest', `sha256:${manifest.digest}`)
        .send(manifest.text)
    },
  )

  server.get<{ Params: { digest: string } }>(
    '/v2/:namespace/:model/blobs/:digest',
    { schema: { params: pathParts({ namespace: NAME, model: NAME, digest: DIGEST }) } },
    ({ url, params: { digest } }, reply) =>
      reply
        // Ollama asks once for the whole blob to learn where its parts are to be had, and gives up without this.
        .header('location', url)
        .sendFile(digest.replace(':', '-')),
  )
  return server
}

/** Of the tags of a model, the one whose manifest has this digest. */
async function manifestOfDigest(folder: string, name: string, digest: string) {
  const tags = await readdir(dirname(manifestPath(folder, name))).catch(() => [])
  for (const tag of tags) {
    const manifest = await readManifest(folder, `${name}:${tag}`)
    if (manifest !== undefined && `${SHA256}${manifest.digest}` === digest) return manifest
  }
  return undefined
}

function pathParts(patterns: Record<string, string>) {
  const properties = Object.entries(patterns).map(([name, pattern]) => [
    name,
    { type: 'string', pattern },
  ])
  return { type: 'object', properties: Object.fromEntries(properties) }
}
