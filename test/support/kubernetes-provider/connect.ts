import { existsSync } from 'node:fs'
import { KubeConfig } from '@kubernetes/client-node'
import { KubeApi } from '../cluster/api.ts'

/** What a `kubernetes.Provider` resource may be given, as far as this one heeds it. */
export interface ProviderArgs {
  /** A path, or the content of such a file; $KUBECONFIG where absent. */
  kubeconfig?: string
  context?: string
  /** Where objects go that name no namespace. */
  namespace?: string
  /** Whether their data is changed in place, where it is replaced otherwise. */
  enableConfigMapMutable?: boolean
  enableSecretMutable?: boolean
  /** Whether what is there already is taken over, where it is an error otherwise. */
  upsertExistingObjects?: boolean
  /** Whether fields that somebody else owns are taken back, where it is an error otherwise. */
  enablePatchForce?: boolean
}

/** There is no cluster to ask. */
export class Unreachable extends Error {
  constructor(why: string) {
    super(`configured Kubernetes cluster is unreachable: ${why}`)
  }
}

/** @throws Unreachable when the configuration names no cluster; whether that answers is found out later */
export async function connect({ kubeconfig, context, namespace }: ProviderArgs): Promise<KubeApi> {
  const config = new KubeConfig()
  try {
    if (kubeconfig === undefined || kubeconfig === '') config.loadFromDefault()
    else if (existsSync(kubeconfig)) config.loadFromFile(kubeconfig)
    else config.loadFromString(kubeconfig)
    if (context !== undefined && config.getContextObject(context) === null) {
      throw new Error(`context "${context}" does not exist`)
    }
    if (context !== undefined) config.setCurrentContext(context)
    return await KubeApi.open(config, namespace)
  } catch (error) {
    const { message } = error as Error
    throw new Unreachable(message)
  }
}
