import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesObject, V1Pod } from '@kubernetes/client-node'
import type { BesideReport, BesideRequest } from '../../checks/chroma-files/beside-data.ts'
import { Failure } from '../../infra/failure.ts'
import {
  CHROMA,
  claimName,
  DATA,
  OBJECT_OWNER_LABEL,
  objectLabels,
} from '../../infra/kubernetes/kubernetes-names.ts'
import { dataAt, podTemplate } from '../../infra/kubernetes/pods/pod.ts'
import { CHROMA_DATA } from '../../infra/servers/chroma-spec.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Millis, minutes, seconds } from '../../infra/units.ts'
import { ask, askIfThere, type Cluster, openCluster } from '../cluster/cluster-client.ts'
import { removeObjects } from '../cluster/ownership/remove-objects.ts'
import { podsIn, stackPods } from '../cluster/pods.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import { BESIDE_DATA, readBesideReport } from './beside-report.ts'

const NAME = 'beside-data'
const REQUEST = 'request.json'
const REQUEST_FOLDER = '/request'
/** It reads all files of a server. */
const WITHIN: Millis = minutes(60)
const LOOK_EVERY: Millis = seconds(1)
/** Its image is on the node, or comes from where that of the API came from. */
const STARTED_WITHIN: Millis = minutes(5)
/** What it needs is little, and a namespace may want it to be said. */
const RESOURCES = {
  requests: { cpu: '100m', memory: '256Mi' },
  limits: { cpu: '1', memory: '512Mi' },
}

/** In a Job of the project's own image, on the node of Chroma's pod, with the claim of that. */
export async function besidePod(
  settings: Settings,
  instance: number,
  request: Omit<BesideRequest, 'data'>,
  signal: AbortSignal,
): Promise<BesideReport> {
  const cluster = await openCluster(settings)
  const { namespace } = settings.kubernetes
  const place = `${CHROMA}-${instance}`
  const chroma = (await stackPods(settings, cluster)).find(pod => pod.metadata?.name === place)
  const { id } = await ownerOf(settings)
  const labels = { ...objectLabels(NAME), ...(id !== undefined && { [OBJECT_OWNER_LABEL]: id }) }
  const name = `${NAME}-${instance}`
  const metadata = { name, namespace, labels }
  const objects: KubernetesObject[] = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      stringData: { [REQUEST]: JSON.stringify({ data: CHROMA_DATA, ...request }) },
    } as KubernetesObject,
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata,
      spec: { backoffLimit: 0, template: templateOf(settings, instance, chroma, name) },
    } as KubernetesObject,
  ]
  // Of a command that was killed.
  await removeObjects(await thoseThere(objects, cluster), cluster)
  const made: KubernetesObject[] = []
  try {
    for (const object of objects) {
      made.push(await ask(cluster, `a new ${object.kind}`, cluster.objects.create(object)))
    }
    const pod = await finished(name, namespace, cluster, signal)
    const asked = { name: pod.metadata!.name!, namespace }
    // One that the node did not take has none.
    const log = await cluster.core.readNamespacedPodLog(asked).catch(() => '')
    return readBesideReport(log || (whyNot(pod) ?? ''), place)
  } finally {
    await removeObjects(made, cluster)
  }
}

function templateOf(
  settings: Settings,
  instance: number,
  chroma: V1Pod | undefined,
  secret: string,
) {
  const { spec, metadata } = podTemplate({
    labels: objectLabels(NAME),
    restartPolicy: 'Never',
    containers: [
      {
        name: NAME,
        image: settings.images.api,
        args: [BESIDE_DATA, `${REQUEST_FOLDER}/${REQUEST}`],
        resources: RESOURCES,
        volumeMounts: [
          dataAt(CHROMA_DATA),
          { name: secret, mountPath: REQUEST_FOLDER, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: DATA, persistentVolumeClaim: { claimName: claimName(CHROMA, instance) } },
      { name: secret, secret: { secretName: secret } },
    ],
    cluster: settings.kubernetes,
  })
  // Where the claim is, and is taken by the pod that it belongs to. Without one the scheduler finds it.
  const { nodeName, tolerations } = chroma?.spec ?? {}
  return {
    metadata,
    spec: { ...spec, ...(nodeName && { nodeName }), ...(tolerations && { tolerations }) },
  }
}

/** What the cluster says of a pod that does not run as it should. */
function whyNot({ status }: V1Pod): string | undefined {
  const { reason, message, containerStatuses = [] } = status ?? {}
  const waiting = containerStatuses.map(({ state }) => state?.waiting ?? state?.terminated)
  const said = [{ reason, message }, ...waiting].map(each =>
    [each?.reason, each?.message].filter(Boolean).join(': '),
  )
  return said.find(text => text !== '')
}

async function thoseThere(objects: readonly KubernetesObject[], cluster: Cluster) {
  const found = objects.map(object => {
    const question = cluster.objects.read(
      object as KubernetesObject & { metadata: { name: string; namespace: string } },
    )
    return askIfThere(cluster, `a ${object.kind} of an earlier time`, question)
  })
  return (await Promise.all(found)).filter(object => object !== undefined)
}

async function finished(
  job: string,
  namespace: string,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<V1Pod> {
  const deadline = Date.now() + WITHIN
  for (;;) {
    const [pod] = await podsIn(namespace, cluster, `job-name=${job}`)
    const { phase } = pod?.status ?? {}
    if (pod !== undefined && (phase === 'Succeeded' || phase === 'Failed')) return pod
    const why = pod === undefined ? undefined : whyNot(pod)
    const isLate =
      Date.now() > (phase === 'Running' ? deadline : deadline - WITHIN + STARTED_WITHIN)
    if (isLate) {
      throw new Failure(
        'unavailable',
        `The Job ${job} in ${namespace} ${phase === 'Running' ? 'does not end' : 'does not start'}${why ? `: ${why}` : ''}`,
        {
          mend: `see why, while this runs again: kubectl -n ${namespace} describe job,pod -l job-name=${job}`,
        },
      )
    }
    await sleep(LOOK_EVERY, undefined, { signal })
  }
}
