import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type KubernetesObject, objectOf } from './kubernetes-objects.ts'

/** A container's probe, as its pod has it. */
interface Probe {
  timeoutSeconds: number
  httpGet?: { path: string; port: number }
  exec?: { command: [string, ...string[]] }
}
type Kind = 'startup' | 'readiness' | 'liveness'

/** The probe of a container of a StatefulSet. @throws Error where it has none of the kind */
export function probeOf(
  objects: readonly KubernetesObject[],
  set: string,
  container: string,
  kind: Kind,
): Probe {
  const { containers } = objectOf(objects, 'StatefulSet', set).spec.template.spec
  const found = containers.find(({ name }: { name: string }) => name === container)
  const probe = found?.[`${kind}Probe`]
  if (probe === undefined) throw new Error(`${container} of ${set} has no ${kind} probe`)
  return probe
}

/**
 * Makes a probe as a kubelet does: a request of its own, or a program in the container.
 * @param ports where on this machine what listens on a port of the pod does
 * @returns whether it succeeds in time
 */
export async function succeeds(
  { timeoutSeconds, httpGet, exec }: Probe,
  ports: Record<number, number>,
): Promise<boolean> {
  const timeout = timeoutSeconds * 1000
  if (httpGet !== undefined) {
    const url = `http://127.0.0.1:${ports[httpGet.port]}${httpGet.path}`
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeout) }).catch(() => undefined)
    return answer?.ok ?? false
  }
  const [command, ...args] = exec!.command
  const here = args.map(arg =>
    Object.entries(ports).reduce(
      (text, [from, to]) => text.replaceAll(`/${from} `, `/${to} `),
      arg,
    ),
  )
  return promisify(execFile)(command, here, { timeout, killSignal: 'SIGKILL' }).then(
    () => true,
    () => false,
  )
}
