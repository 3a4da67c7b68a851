import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import { Failure } from '../../infra/failure.ts'
import { formatBytes } from '../../infra/units.ts'

/** What `docker info` says of the limits that its kernel can hold containers to. */
export interface KernelLimits {
  MemoryLimit: boolean
  SwapLimit: boolean
  CpuCfsQuota: boolean
}

const DELEGATE =
  'a Docker of one’s own without root needs cgroup v2 and delegated controllers: docs.docker.com/engine/security/rootless'

/**
 * Requires that the kernel can hold containers to the cores of the plan: Docker refuses to make one that it cannot.
 * A memory limit it drops and starts the container all the same (both seen with Docker 20.10), so of memory the stack
 * is told and no more: it runs as well without, where the machine has what is planned.
 * @returns a warning for limits of memory that are not held
 * @throws Failure `unavailable` for limits of cores
 */
export function limitsHeld(
  { workloads }: Pick<StackPlan, 'workloads'>,
  { MemoryLimit, SwapLimit, CpuCfsQuota }: KernelLimits,
): string | undefined {
  if (!CpuCfsQuota) {
    const names = workloads.map(({ name }) => name).join(', ')
    throw new Failure(
      'unavailable',
      `The kernel that the Docker Engine runs on cannot hold containers to cores, and Docker makes none that it should: ${names}`,
      { mend: `start a kernel with CONFIG_CFS_BANDWIDTH and its cpu cgroup mounted; ${DELEGATE}` },
    )
  }
  const memory = workloads.map(({ name, limits }) => `${name} ${formatBytes(limits.memory)}`)
  const planned = memory.join(', ')
  if (!MemoryLimit) {
    return `WARNING: the kernel that the Docker Engine runs on has no memory cgroup, so nothing holds the containers to what is planned for them (${planned}): one that takes more takes it from all else on the machine.\n  → start the kernel with cgroup_enable=memory (Raspberry Pi OS: /boot/firmware/cmdline.txt) and start again; ${DELEGATE}`
  }
  if (SwapLimit) return undefined
  return `WARNING: the kernel that the Docker Engine runs on does not limit swap: a container at its limit (${planned}) goes on in swap, slowly, instead of being ended.\n  → start the kernel with swapaccount=1, or switch swap off: sudo swapoff -a`
}
