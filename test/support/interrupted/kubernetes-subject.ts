import { PART_OF } from '../../../infra/kubernetes/kubernetes-names.ts'
import type { KubeObject } from '../cluster/api.ts'
import type { Fleet } from '../cluster/fleet/fleet.ts'
import { RUNNING_KINDS } from '../kubernetes/stack-kinds.ts'
import { providerKind } from '../stack/providers.ts'
import type { TestStack } from '../stack/test-stack.ts'
import { stackProcesses } from './stack-processes.ts'
import type { Subject } from './subject.ts'

const [PART_LABEL, PROJECT] = Object.entries(PART_OF)[0]!
/** What Pulumi puts behind a name, and a Deployment behind that of a pod. */
const SUFFIX = /(-[0-9a-f]{8})?(-[a-z0-9]{6,10}-[a-z0-9]{5})?$/

/** A stack on a simulated fleet, in a namespace: its pods do not run, so that its verification cannot pass. */
export function kubernetesSubject(stack: TestStack, { api }: Fleet, namespace: string): Subject {
  const own = async (version: string, kind: string): Promise<KubeObject[]> =>
    (await api.list(version, kind)).filter(
      ({ metadata }) =>
        metadata.namespace === namespace && metadata.labels?.[PART_LABEL] === PROJECT,
    )
  let claims: string[] = []
  const data = async () => {
    const found = await own('v1', 'PersistentVolumeClaim')
    return found.map(({ metadata }) => `claim ${metadata.name} ${metadata.uid}`).sort()
  }
  return {
    name: `Kubernetes, ${providerKind}`,
    stack,
    isUp: ({ code, stderr }) => code === 1 && /✔ pulumi up: /.test(stderr),
    // Where pods do not run no model comes in.
    forgetModels: async () => {},
    async remember() {
      claims = await data()
    },
    async lost() {
      const found = await data()
      return claims.filter(claim => !found.includes(claim))
    },
    data,
    async running() {
      const objects = (
        await Promise.all(RUNNING_KINDS.map(([version, kind]) => own(version, kind)))
      ).flat()
      return [
        ...stackProcesses(stack),
        ...objects.map(({ kind, metadata }) => `${kind} ${metadata.name.replace(SUFFIX, '')}`),
      ].sort()
    },
  }
}
