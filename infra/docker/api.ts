import type * as docker from '@pulumi/docker'
import * as pulumi from '@pulumi/pulumi'
import { apiArguments } from '../api-program.ts'
import type { Workload } from '../capacity/workload.ts'
import type { Outputs, Reach } from '../outputs.ts'
import type { Settings } from '../settings.ts'
import { container, type Surroundings } from './container.ts'
import { answering } from './health.ts'
import type { StackImages } from './images.ts'
import { limitsOf } from './limits.ts'
import { API_PART, chromaPart, ollamaPart } from './names.ts'
import { CHROMA_FRONT, OLLAMA_FRONT } from './ports.ts'

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
  surroundings: Surroundings,
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
      reach: at(instance.reach, chromaPart(index), CHROMA_FRONT),
    })) as Outputs['chroma']['instances'],
  },
  ollama: ollama.map(pool => ({
    ...pool,
    reach: at(pool.reach, ollamaPart(pool.pool), OLLAMA_FRONT),
  })) as Outputs['ollama'],
})

const at = ({ token }: Reach, host: string, port: number): Reach => ({
  kind: 'direct',
  url: `http://${host}:${port}`,
  token,
})
