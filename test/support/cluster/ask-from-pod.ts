import { OWN_IMAGE } from '../../../infra/images.ts'
import type { RealCluster } from './node.ts'
import { waitFor } from './wait.ts'

export interface PodRequest {
  url: string
  method: string
  /** Sent as bearer when there is one. */
  token?: string | undefined
}

/** Runs in the pod: the requests one after the other, their statuses as its log. */
const SCRIPT = `
  const statuses = []
  for (const { url, method, token } of JSON.parse(process.env.REQUESTS)) {
    const headers = token ? { authorization: 'Bearer ' + token } : {}
    const body = method === 'POST' ? '{}' : undefined
    const answer = await fetch(url, { method, headers, body })
    await answer.body?.cancel()
    statuses.push(answer.status)
  }
  console.log(JSON.stringify(statuses))`

/** Sends requests from a pod of its own, as any program on the cluster might. @returns the statuses of the answers */
export async function askFromPod(
  { api }: RealCluster,
  namespace: string,
  requests: readonly PodRequest[],
): Promise<number[]> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'asks', namespace },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'asks',
          image: OWN_IMAGE,
          command: ['node', '--input-type=module', '--eval', SCRIPT],
          env: [{ name: 'REQUESTS', value: JSON.stringify(requests) }],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  }
  await api.create(pod)
  const log = () => api.request('GET', `/api/v1/namespaces/${namespace}/pods/asks/log`)
  try {
    await waitFor('a pod to have asked', async () => {
      const phase = (await api.read(pod))?.status.phase
      if (phase === 'Failed') throw new Error(`the pod that asks failed: ${await log()}`)
      return phase === 'Succeeded'
    })
    return JSON.parse(String(await log()))
  } finally {
    await api.delete(pod, { gracePeriodSeconds: 0 })
  }
}
