import type * as docker from '@pulumi/docker'
import * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../../capacity/workload.ts'
import type { Endpoint, Outputs } from '../../outputs.ts'
import { apiArguments } from '../../servers/api-program.ts'
import type { Settings } from '../../settings/settings.ts'
import { container, type StackContext } from '../container.ts'
import { limitsOf } from '../container-limits.ts'
import { CHROMA_PROXY, OLLAMA_PROXY } from '../container-ports.ts'
import type { StackImages } from '../docker-images.ts'
import { API_PART, chromaPart, ollamaPart } from '../docker-names.ts'
import { answering } from './container-health.ts'

const FOLDER = '/etc/knowledge'
const OUTPUTS = `${FOLDER}/outputs.json`
const KEYS = `${FOLDER}/api-keys.json`
/** The image's own user. */
const USER = '1000'
/** Seconds: what the API gives requests that are under way, and some more. */
const GRACE = 30

export interface ApiArgs {
  settings: Settings
  image: StackImages['api']
  /** As they are reached from the host. */
  outputs: pulumi.Output<Outputs>
  keys: pulumi.Output<string>
  plan: Workload | undefined
}

/** The HTTP API: the one server of the stack that is there for others. */
export function apiContainer(
  surroundings: StackContext,
  { settings, image, outputs, keys, plan }: ApiArgs,
): docker.Container {
  const { port, address, hosts, requestsPerMinute } = settings.api
  const upload = (file: string, content: pulumi.Input<string>) => ({
    file,
    content,
    owner: USER,
    permissions: '0400',
  })
  const environment = {
    KNOWLEDGE_API_OUTPUTS: OUTPUTS,
    KNOWLEDGE_API_KEYS: KEYS,
    KNOWLEDGE_API_HOST: '0.0.0.0',
    KNOWLEDGE_API_PORT: `${port}`,
    KNOWLEDGE_API_REQUESTS_PER_MINUTE: `${requestsPerMinute}`,
    // To the process every address is the same: that this one is the host's loopback, it has to be told.
    KNOWLEDGE_API_HOSTS: address.startsWith('127.') ? `${API_PART},${hosts}` : hosts,
  }
  return container(surroundings, {
    part: API_PART,
    image,
    command: apiArguments('checks/api/main.ts'),
    user: `${USER}:${USER}`,
    envs: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    uploads: [upload(OUTPUTS, pulumi.jsonStringify(outputs.apply(fromInside))), upload(KEYS, keys)],
    networksAdvanced: [{ name: surroundings.network.name, aliases: [API_PART] }],
    ports: [{ internal: port, external: port, ip: address }],
    healthcheck: answering(port, '/openapi.json'),
    stopTimeout: GRACE,
    destroyGraceSeconds: GRACE,
    ...limitsOf(plan?.server.limits),
  })
}

/** The outputs as the containers of the stack's network see them: each server under its name. */
export const fromInside = ({ chroma, ollama, ...rest }: Outputs): Outputs => ({
  ...rest,
  chroma: {
    ...chroma,
    instances: chroma.instances.map((instance, index) => ({
      ...instance,
      reach: at(instance.reach, chromaPart(index), CHROMA_PROXY),
    })) as Outputs['chroma']['instances'],
  },
  ollama: ollama.map(pool => ({
    ...pool,
    reach: at(pool.reach, ollamaPart(pool.pool), OLLAMA_PROXY),
  })) as Outputs['ollama'],
})

const at = ({ token }: Endpoint, host: string, port: number): Endpoint => ({
  kind: 'direct',
  url: `http://${host}:${port}`,
  token,
})
