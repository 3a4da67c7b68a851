import { holds, overlap } from './ip-ranges.ts'

/** Addresses of pods, Services and nodes are of these, by every network's default. */
export const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
] as const

/** Where nothing is pulled from, whatever the settings say: a machine's own, and what all that listen are at. */
export const NEVER_PULLED_FROM = [
  '169.254.0.0/16',
  'fe80::/10',
  '127.0.0.0/8',
  '::1/128',
  '224.0.0.0/4',
  'ff00::/8',
] as const

/** Metadata and credentials of the machines of clouds, beyond link-local: Azure, Oracle, Alibaba, AWS, Google. */
export const METADATA = [
  '168.63.129.16/32',
  '192.0.0.0/24',
  '100.100.100.200/32',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
]

/** Beside the private ranges, what clusters have pods in: of EKS, and of GKE. No public address is in them. */
export const OF_CLUSTERS = ['198.18.0.0/15', '240.0.0.0/4']

/** Whether a setting may name a range. What clouds have in private ranges is left out of it. */
export const mayBePulledFrom = (range: string): boolean =>
  !NEVER_PULLED_FROM.some(never => overlap(never, range)) &&
  !METADATA.some(metadata => holds(metadata, range))
