import { join } from 'node:path'
import { authProxy } from '../auth-proxy/auth-proxy-spec.ts'
import { OLLAMA_RULES } from '../auth-proxy/routes.ts'
import type { Workload } from '../capacity/workload.ts'
import { ownCertificates } from '../egress/egress-settings.ts'
import {
  CERTIFICATES,
  CERTIFICATES_FILE,
  pullEnvironment,
  TRUST_OWN,
} from '../egress/pull-environment.ts'
import { ollamaEnvironment } from './ollama-environment.ts'
import type { GuardedPorts, GuardedServer, SpecArgs } from './server-spec.ts'

/** Answers 200 when Ollama runs; it loads no model and tells nothing. */
const START_PAGE = '/'

/**
 * The Ollama of a pool.
 * @param dataFolder where its volume is; its models are in the folder `models` there
 * @param grace seconds for the answers that are under way
 */
export function ollamaServer(
  { settings, images, tokens }: SpecArgs,
  { dataFolder, grace, ...ports }: GuardedPorts & { dataFolder: string; grace: number },
  plan: Workload | undefined,
) {
  const { egress } = settings
  const certificates = ownCertificates(egress)
  const access = tokens.apply(({ ollama, provisioner }) => ({
    rules: OLLAMA_RULES,
    tokens: { application: ollama, provisioner },
  }))
  return {
    server: {
      name: 'ollama',
      image: images.ollama,
      args: ['serve'],
      environment: {
        ...ollamaEnvironment(settings, {
          port: ports.server,
          modelsFolder: join(dataFolder, 'models'),
          models: plan?.models.length ?? settings.models.length,
        }),
        ...pullEnvironment(egress),
        ...(certificates !== undefined && TRUST_OWN),
      },
      ...(certificates !== undefined && {
        files: [{ path: join(CERTIFICATES, CERTIFICATES_FILE), content: certificates }],
      }),
      dataFolder,
      // It only has to open its port.
      probe: {
        port: ports.proxy,
        loopbackPort: ports.server,
        startup: { path: START_PAGE, within: 300, every: 5 },
        live: START_PAGE,
      },
      grace,
      share: plan?.server,
    },
    authProxy: authProxy(images.front, ports, access, START_PAGE, plan?.front),
  } satisfies GuardedServer
}
