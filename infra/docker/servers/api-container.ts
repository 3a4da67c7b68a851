import type * as docker from '@pulumi/docker'
import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../../capacity/workload.ts'
import type { Outputs } from '../../outputs.ts'
import { apiServer } from '../../servers/api-spec.ts'
import { directly, mapFirst } from '../../servers/inside-outputs.ts'
import type { SpecArgs } from '../../servers/server-spec.ts'
import { container, type StackContext } from '../container.ts'
import { CHROMA_CONTAINER_PORTS, OLLAMA_CONTAINER_PORTS } from '../container-ports.ts'
import { API_PART, chromaPart, ollamaPart } from '../docker-names.ts'
import { answering } from './container-health.ts'

/** The HTTP API. @param outputs as the host reaches the servers */
export function apiContainer(
  context: StackContext,
  args: SpecArgs,
  outputs: pulumi.Output<Outputs>,
  keys: pulumi.Output<string>,
  plan: Workload | undefined,
): docker.Container {
  const { port, address, hosts } = args.settings.api
  const server = apiServer(args, outputs.apply(fromInside), keys, plan)
  const environment = {
    ...server.environment,
    // To the process every address is the same: that this one is the host's loopback, it has to be told.
    KNOWLEDGE_API_HOSTS: address.startsWith('127.') ? `${API_PART},${hosts}` : hosts,
  }
  return container(
    context,
    API_PART,
    { ...server, environment },
    {
      networksAdvanced: [{ name: context.network.name, aliases: [API_PART] }],
      ports: [{ internal: port, external: port, ip: address }],
      healthcheck: answering(port, server.probe!.ready!),
    },
  )
}

/** The outputs as the containers of the stack's network see them: each server under its name. */
const fromInside = ({ chroma, ollama, ...rest }: Outputs): Outputs => ({
  ...rest,
  chroma: {
    ...chroma,
    instances: mapFirst(chroma.instances, (server, index) =>
      directly(server, `http://${chromaPart(index)}:${CHROMA_CONTAINER_PORTS.proxy}`),
    ),
  },
  ollama: mapFirst(ollama, server =>
    directly(server, `http://${ollamaPart(server.pool)}:${OLLAMA_CONTAINER_PORTS.proxy}`),
  ),
})
