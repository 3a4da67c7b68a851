import * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../capacity/workload.ts'
import type { Outputs } from '../outputs.ts'
import { apiEnvironment } from './api-environment.ts'
import { apiArguments } from './api-program.ts'
import type { ServerSpec, SpecArgs } from './server-spec.ts'

/** Answers 200 when the API serves requests. */
export const API_READY = '/openapi.json'
/** What is known of the deployment inside of it, tokens among it. */
export const OUTPUTS_FILE = '/etc/knowledge/outputs.json'

/**
 * The HTTP API: the one server of the stack that is there for others.
 * @param outputs as its own container reaches the servers
 * @param keys the content of the key file
 */
export function apiServer(
  { settings, images }: SpecArgs,
  outputs: pulumi.Output<Outputs>,
  keys: pulumi.Output<string>,
  plan: Workload | undefined,
) {
  const { port } = settings.api
  return {
    name: 'api',
    image: images.api,
    args: apiArguments('checks/api/main.ts'),
    environment: { KNOWLEDGE_API_HOST: '0.0.0.0', ...apiEnvironment(settings) },
    files: [
      {
        path: OUTPUTS_FILE,
        content: pulumi.jsonStringify(outputs),
        variable: 'KNOWLEDGE_API_OUTPUTS',
      },
      { path: '/etc/knowledge/api-keys.json', content: keys, variable: 'KNOWLEDGE_API_KEYS' },
    ],
    port,
    probe: {
      port,
      startup: { path: API_READY, within: 60, every: 2 },
      ready: API_READY,
      live: API_READY,
    },
    // What the API gives requests that are under way, and some more.
    grace: 30,
    user: '1000',
    share: plan?.server,
  } satisfies ServerSpec
}
