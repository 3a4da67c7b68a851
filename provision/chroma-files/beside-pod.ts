import type { V1Pod } from '@kubernetes/client-node'
import type { BesideReport, BesideRequest } from '../../checks/chroma-files/beside-data.ts'
import { CHROMA, claimName, DATA, objectLabels } from '../../infra/kubernetes/kubernetes-names.ts'
import { dataAt, podTemplate } from '../../infra/kubernetes/pods/pod.ts'
import { CHROMA_DATA } from '../../infra/servers/chroma-spec.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Millis, minutes } from '../../infra/units.ts'
import { openCluster } from '../cluster/cluster-client.ts'
import { runClusterJob } from '../cluster/cluster-job.ts'
import { stackPods } from '../cluster/pods.ts'
import { BESIDE_DATA, readBesideReport } from './beside-report.ts'

const NAME = 'beside-data'
const REQUEST = 'request.json'
const REQUEST_FOLDER = '/request'
/** It reads all files of a server. */
const WITHIN: Millis = minutes(60)
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
  const place = `${CHROMA}-${instance}`
  const chroma = (await stackPods(settings, cluster)).find(pod => pod.metadata?.name === place)
  const name = `${NAME}-${instance}`
  const job = {
    name,
    kind: NAME,
    template: templateOf(settings, instance, chroma, name),
    secret: { [REQUEST]: JSON.stringify({ data: CHROMA_DATA, ...request }) },
    within: WITHIN,
  }
  const output = await runClusterJob(settings, cluster, job, { report() {}, signal })
  return readBesideReport(output, place)
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
