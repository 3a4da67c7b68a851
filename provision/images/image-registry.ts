import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { type Millis, seconds } from '../../infra/units.ts'

const DOCKER_HUB = 'registry-1.docker.io'
const ONE_ANSWER: Millis = seconds(30)

/** What has a manifest for each architecture, before what has one alone. */
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

const TokenAnswer = z
  .object({ token: z.string().optional(), access_token: z.string().optional() })
  .transform(({ token, access_token }) => token ?? access_token)

/**
 * The digest that a registry has for an image now (Docker Registry HTTP API V2), asked without an account.
 * @param image with its tag, and its registry where that is not Docker Hub
 * @throws Failure `unavailable` when the registry cannot be reached, or does not have the image for everybody
 */
export async function digestOf(image: string, signal: AbortSignal): Promise<string> {
  const url = manifestUrl(image)
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ONE_ANSWER)])
  try {
    const response = await askManifest(url, limited)
    if (!response.ok) throw new Error(`the registry answered ${response.status}`)
    // The digest is over these bytes, whatever the registry's header says.
    const bytes = Buffer.from(await response.arrayBuffer())
    return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  } catch (error) {
    signal.throwIfAborted()
    throw new Failure('unavailable', `${image} cannot be looked up at ${url}: ${reasonOf(error)}`, {
      mend: 'reach the registry, or name one that has copies: knowledge-stack:images.mirror',
      cause: error,
    })
  }
}

/** `chromadb/chroma:1.5.9` → the manifest's URL. As Docker does, plain HTTP is spoken to loopback only. */
export function manifestUrl(image: string): string {
  const [, first, rest] = /^(?:([^/]*[.:][^/]*|localhost)\/)?(.+)$/.exec(image)!
  const [, name, tag] = /^(.+):([^:]+)$/.exec(rest!)!
  const host = first ?? DOCKER_HUB
  const repository = first === undefined && !name!.includes('/') ? `library/${name}` : name
  const protocol = /^(localhost|127\.)/.test(host) ? 'http' : 'https'
  return `${protocol}://${host}/v2/${repository}/manifests/${tag}`
}

async function askManifest(url: string, signal: AbortSignal): Promise<Response> {
  const headers = { accept: MANIFESTS }
  const response = await fetch(url, { headers, signal })
  const challenge = response.headers.get('www-authenticate')
  if (response.status !== 401 || !challenge?.startsWith('Bearer ')) return response
  await response.body?.cancel()
  const authorization = `Bearer ${await anonymousToken(challenge, signal)}`
  return fetch(url, { headers: { ...headers, authorization }, signal })
}

/** Public images want a token too, which anybody is given. */
async function anonymousToken(challenge: string, signal: AbortSignal): Promise<string> {
  const { realm, ...parameters } = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
  )
  const query = new URLSearchParams(parameters)
  const response = await fetch(`${realm}?${query}`, { signal })
  const token = response.ok ? TokenAnswer.parse(await response.json()) : undefined
  if (token === undefined) throw new Error(`${realm} gave no token (${response.status})`)
  return token
}
