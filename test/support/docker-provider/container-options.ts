import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import { labelsOf, type Properties } from './kind.ts'

export const megabytes = (count: number | undefined): number => (count ?? 0) * 1024 ** 2

/**
 * Between two looks at a container's health, in place of the program's own interval: before the first one the Engine
 * waits as long, at every start of every container, which is most of what an update of the tests would wait for.
 */
const LOOK_EVERY = '2s'

/** The container of the official schema, as the Engine takes it. */
export function createOptions(inputs: Properties): ContainerCreateOptions {
  const { healthcheck, ports = [] } = inputs
  return {
    name: inputs.name,
    Image: inputs.image,
    Labels: labelsOf(inputs.labels),
    HostConfig: hostConfig(inputs),
    ExposedPorts: Object.fromEntries(ports.map((port: Port) => [portKey(port), {}])),
    ...given('Cmd', inputs.command),
    ...given('Entrypoint', inputs.entrypoints),
    ...given('Env', inputs.envs),
    ...given('User', inputs.user),
    ...given('StopSignal', inputs.stopSignal),
    ...given('StopTimeout', inputs.stopTimeout),
    ...given(
      'Healthcheck',
      healthcheck && {
        Test: healthcheck.tests,
        Interval: nanoseconds(LOOK_EVERY),
        Timeout: nanoseconds(healthcheck.timeout),
        StartPeriod: nanoseconds(healthcheck.startPeriod),
        Retries: healthcheck.retries,
      },
    ),
  }
}

function hostConfig(inputs: Properties): HostConfig {
  const { ports = [], volumes = [], restart, maxRetryCount = 0 } = inputs
  return {
    RestartPolicy: { Name: restart, MaximumRetryCount: maxRetryCount },
    PortBindings: Object.fromEntries(
      ports.map((port: Port) => [
        portKey(port),
        [{ HostIp: port.ip ?? '', HostPort: `${port.external}` }],
      ]),
    ),
    Binds: volumes.map(
      ({ volumeName, containerPath, readOnly }: Properties) =>
        `${volumeName}:${containerPath}:${readOnly ? 'ro' : 'rw'}`,
    ),
    Memory: megabytes(inputs.memory),
    MemorySwap: megabytes(inputs.memorySwap),
    ...given('CpuPeriod', inputs.cpuPeriod),
    ...given('CpuQuota', inputs.cpuQuota),
    ...given('NetworkMode', inputs.networkMode),
    ...given('IpcMode', inputs.ipcMode),
    ...given('Init', inputs.init),
    ...given('CapDrop', inputs.capabilities?.drops),
    ...given('CapAdd', inputs.capabilities?.adds),
    ...given('SecurityOpt', inputs.securityOpts),
    ...given('ReadonlyRootfs', inputs.readOnly),
    ...given('Tmpfs', inputs.tmpfs),
    ...given(
      'LogConfig',
      inputs.logDriver && {
        Type: inputs.logDriver,
        Config: inputs.logOpts ?? {},
      },
    ),
    ...given('NanoCpus', inputs.cpus && Number(inputs.cpus) * 1e9),
  }
}

interface Port {
  internal: number
  external?: number
  ip?: string
}

const portKey = ({ internal }: Port): string => `${internal}/tcp`

const given = (key: string, value: unknown) =>
  value === undefined || value === '' ? {} : { [key]: value }

/** @param text whole seconds, as the program writes them: `5s` */
const nanoseconds = (text: string | undefined): number => Number.parseInt(text ?? '0', 10) * 1e9
