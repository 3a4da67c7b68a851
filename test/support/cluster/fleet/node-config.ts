import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Machine } from '../machine.ts'

/** As the cluster calls it. */
export const NODE = 'node'
export const PORTS = {
  containerd: 1338,
  kubelet: 10_248,
  proxy: 10_256,
  proxyMetrics: 10_249,
  dns: 8181,
}
export const CLUSTER_DOMAIN = 'cluster.local'
export const SANDBOX_IMAGE = 'localhost/pause:1'
/** Where Debian puts them. */
const CNI_PLUGINS = '/usr/lib/cni'

export const containerdFile = ({ home }: Machine) => join(home, 'containerd.toml')
export const kubeletFile = ({ home }: Machine) => join(home, 'kubelet.yaml')
export const proxyFile = ({ home }: Machine) => join(home, 'proxy.yaml')
export const corefile = ({ home }: Machine) => join(home, 'Corefile')

/** Writes the configuration of all that runs on the node. */
export async function writeNodeConfig(machine: Machine, kubeconfig: string): Promise<void> {
  const { home } = machine
  for (const folder of ['cni', 'kubelet', 'containerd', 'logs']) {
    await mkdir(join(home, folder), { recursive: true })
  }
  await writeFile(containerdFile(machine), containerdConfig(machine))
  await writeFile(join(home, 'cni', '10-bridge.conflist'), JSON.stringify(bridge(machine)))
  await writeFile(kubeletFile(machine), stringify(kubeletConfig(machine)))
  await writeFile(proxyFile(machine), stringify(proxyConfig(machine, kubeconfig)))
  await writeFile(corefile(machine), dnsConfig(kubeconfig))
}

const containerdConfig = ({ home, address }: Machine): string => `version = 2
root = "${home}/containerd"
state = "/run/containerd"

[metrics]
  address = "${address}:${PORTS.containerd}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${SANDBOX_IMAGE}"
  # Within a container or a virtual machine the kernel refuses a better score than the parent's.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_PLUGINS}"
    conf_dir = "${home}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`

const bridge = ({ home, podRange }: Machine) => ({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods0',
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: join(home, 'cni', 'addresses'),
        ranges: [[{ subnet: podRange }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
})

const kubeletConfig = ({ name, home, address }: Machine) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address,
  healthzBindAddress: address,
  healthzPort: PORTS.kubelet,
  // On a network that only this machine is on.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${name}`,
  failCgroupV1: false,
  failSwapOn: false,
  enforceNodeAllocatable: [],
  clusterDomain: CLUSTER_DOMAIN,
  clusterDNS: [address],
  resolvConf: join(home, 'resolv.conf'),
  podLogsDir: join(home, 'logs'),
  volumePluginDir: join(home, 'kubelet', 'volume-plugins'),
  // The disk belongs to others too: what they fill is no reason to end the test's pods.
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1%',
    'imagefs.available': '1%',
  },
  imageGCHighThresholdPercent: 100,
  syncFrequency: '10s',
  nodeStatusUpdateFrequency: '4s',
})

const proxyConfig = ({ address, podRange }: Machine, kubeconfig: string) => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  clientConnection: { kubeconfig },
  hostnameOverride: NODE,
  mode: 'iptables',
  clusterCIDR: podRange,
  healthzBindAddress: `${address}:${PORTS.proxy}`,
  metricsBindAddress: `${address}:${PORTS.proxyMetrics}`,
  // Limits of the whole machine, which are not the node's to set.
  conntrack: { maxPerCore: 0, min: 0, tcpCloseWaitTimeout: '0s', tcpEstablishedTimeout: '0s' },
})

const dnsConfig = (kubeconfig: string): string => `.:53 {
  errors
  ready :${PORTS.dns}
  kubernetes ${CLUSTER_DOMAIN} {
    kubeconfig ${kubeconfig}
    ttl 1
  }
}
`
