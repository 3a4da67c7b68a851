import { OWN_IMAGE } from '../../../infra/settings/image-settings.ts'
import type { RealCluster } from './node.ts'
import { waitFor } from './wait.ts'

export interface PodRequest {
  url: string
  method: string
  /** Sent as bearer when there is one. */
  token?: string | undefined
}

/** Runs in a pod: the requests one after the other, their statuses as its log. */
const ASK = `
  const statuses = []
  for (const { url, method, token } of JSON.parse(process.env.INPUT)) {
    const headers = token ? { authorization: 'Bearer ' + token } : {}
    const body = method === 'POST' ? '{}' : undefined
    const answer = await fetch(url, { method, headers, body })
    await answer.body?.cancel()
    statuses.push(answer.status)
  }
  console.log(JSON.stringify(statuses))`

/** Sends requests from a pod of its own, as any program on the cluster might. @returns the statuses of the answers */
export async function askFromPod(
  cluster: RealCluster,
  namespace: string,
  requests: readonly PodRequest[],
): Promise<number[]> {
  const pod = await startPod(cluster, { name: 'asks', namespace, script: ASK, input: requests })
  try {
    await waitFor('a pod to have asked', async () => {
      const phase = await pod.phase()
      if (phase === 'Failed') throw new Error(`the pod that asks failed: ${await pod.log()}`)
      return phase === 'Succeeded'
    })
    return JSON.parse(await pod.log())
  } finally {
    await pod.end()
  }
}

/** Runs in a pod: asks again and again, each time over a connection of its own; a line for each answer. */
const POLL = `
  import { get } from 'node:http'
  for (;;) {
    console.log(await new Promise(resolve => {
      const asked = get(JSON.parse(process.env.INPUT), { agent: false, timeout: 5000 }, answer => {
        answer.resume().on('end', () => resolve(answer.statusCode))
      })
      asked.on('timeout', () => asked.destroy(new Error('timeout')))
      asked.on('error', error => resolve(error.code ?? error.message))
    }))
    await new Promise(resolve => setTimeout(resolve, 20))
  }`

/** Asks from a pod of its own until told to stop. @returns a function that stops it, and tells each answer's status */
export async function pollFromPod(
  cluster: RealCluster,
  namespace: string,
  url: string,
): Promise<() => Promise<string[]>> {
  const pod = await startPod(cluster, { name: 'polls', namespace, script: POLL, input: url })
  const answers = async () => (await pod.log()).trim().split('\n')
  await waitFor('a pod to ask', async () => {
    return (await pod.phase()) === 'Running' && (await answers()).length > 1
  })
  return async () => {
    try {
      return await answers()
    } finally {
      await pod.end()
    }
  }
}

/** A pod that runs a script with Node, and is given `input` as JSON in the variable INPUT. */
async function startPod(
  { api }: RealCluster,
  {
    name,
    namespace,
    script,
    input,
  }: { name: string; namespace: string; script: string; input: unknown },
) {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
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
          name,
          image: OWN_IMAGE,
          command: ['node', '--input-type=module', '--eval', script],
          env: [{ name: 'INPUT', value: JSON.stringify(input) }],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  }
  await api.create(pod)
  return {
    phase: async (): Promise<string | undefined> => (await api.read(pod))?.status.phase,
    log: async () =>
      String(await api.request('GET', `/api/v1/namespaces/${namespace}/pods/${name}/log`)),
    end: () => api.delete(pod, { gracePeriodSeconds: 0 }),
  }
}
