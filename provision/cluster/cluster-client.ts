import type {
  ApisApi,
  AuthorizationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubernetesObjectApi,
  StorageV1Api,
} from '@kubernetes/client-node'
import { kubeConfig } from '../../checks/transport/kube-config.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { ifThere } from '../if-there.ts'

/** The API server of a stack's cluster, as the scripts ask it. */
export interface Cluster {
  /** Its context and address, for messages. */
  label: string
  core: CoreV1Api
  /** For the groups of its API, and what is in them. */
  groups: ApisApi
  customObjects: CustomObjectsApi
  authorization: AuthorizationV1Api
  storage: StorageV1Api
  /** For objects of any kind. */
  objects: KubernetesObjectApi
}

/** @throws Failure `misused` when the kubeconfig names no cluster; nothing is asked yet */
export async function openCluster({ kubernetes: { context } }: Settings): Promise<Cluster> {
  const config = await kubeConfig(context === '' ? undefined : context)
  const client = await import('@kubernetes/client-node')
  return {
    label: `${config.getCurrentContext()} (${config.getCurrentCluster()?.server})`,
    core: config.makeApiClient(client.CoreV1Api),
    groups: config.makeApiClient(client.ApisApi),
    customObjects: config.makeApiClient(client.CustomObjectsApi),
    authorization: config.makeApiClient(client.AuthorizationV1Api),
    storage: config.makeApiClient(client.StorageV1Api),
    objects: client.KubernetesObjectApi.makeApiClient(config),
  }
}

/**
 * Asks the cluster for something.
 * @param what the question, for the error: `its nodes`
 * @throws Failure `unavailable` when it does not answer, `misused` when it does not let this user see that
 */
export async function ask<Answer>(
  { label }: Cluster,
  what: string,
  question: Promise<Answer>,
): Promise<Answer> {
  try {
    return await question
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 401 || code === 403) {
      throw new Failure('misused', `The cluster ${label} does not let you see ${what}`, {
        mend: 'use an account that may: kubectl auth can-i --list',
        cause: error,
      })
    }
    throw new Failure(
      'unavailable',
      `The cluster ${label} cannot be asked for ${what}: ${why(error)}`,
      { mend: 'kubectl cluster-info', cause: error },
    )
  }
}

/**
 * As `ask`, of something that may not be there.
 * @param absent the statuses that say so
 */
export async function askIfThere<Answer>(
  cluster: Cluster,
  what: string,
  question: Promise<Answer>,
  absent?: readonly unknown[],
): Promise<Answer | undefined> {
  return ask(cluster, what, ifThere(question, absent))
}

/** The library's own text holds headers and body; the body's message says it for people. */
function why(error: unknown): string {
  const body = (error as { body?: unknown }).body
  if (typeof body !== 'string') return reasonOf(error)
  try {
    return JSON.parse(body).message
  } catch {
    return reasonOf(error)
  }
}
