import { BlockList, isIP } from 'node:net'
import { describe, expect, it } from 'vitest'
import { policies } from '../../../infra/kubernetes/network-policies.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'

const API_PORT = 8003
const PARTS = ['chroma', 'ollama', 'api', 'verification'] as const
const PORTS = { chroma: 8080, ollama: 8080, api: API_PORT, verification: 8080 }

// biome-ignore lint/suspicious/noExplicitAny: policies as the API takes them
type Any = any

/** The policies of a stack by what its settings say. */
const policiesOf = ({ kubernetes = {}, ...config }: Any = {}): Any[] => {
  const own = { target: 'kubernetes', apiPort: API_PORT, home: '/srv/knowledge', ...config }
  const settings = parseSettings('test', {
    ...own,
    kubernetes: { clients: ['shop'], ...kubernetes },
  })
  return Object.values(policies(settings))
}

const all = policiesOf()

/** Whether a selector takes the pods of a part: by name, or all of them. */
const takes = (selector: Any, part: string): boolean =>
  (selector?.matchExpressions ?? []).every(({ values }: Any) => values.includes(part))

const opens = (rule: Any, port: number): boolean =>
  rule.ports === undefined || rule.ports.some((open: Any) => open.port === port)

const applying = (part: string, direction: string, policies = all) =>
  policies.filter(
    ({ podSelector, policyTypes }) => takes(podSelector, part) && policyTypes.includes(direction),
  )

/** As an enforcer reads them: what no policy takes is open, what one takes is open where a rule says so. */
function leaves(from: string, to: string, port: number): boolean {
  return applying(from, 'Egress').some(({ egress = [] }) =>
    egress.some(
      (rule: Any) =>
        opens(rule, port) &&
        (rule.to === undefined ||
          rule.to.some(({ podSelector }: Any) => podSelector && takes(podSelector, to))),
    ),
  )
}

function enters(from: { part?: string; namespace?: string }, to: string, port: number): boolean {
  return applying(to, 'Ingress').some(({ ingress = [] }) =>
    ingress.some(
      (rule: Any) =>
        opens(rule, port) &&
        (rule.from === undefined ||
          rule.from.some(({ podSelector, namespaceSelector }: Any) =>
            from.part === undefined
              ? namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] === from.namespace
              : podSelector && takes(podSelector, from.part),
          )),
    ),
  )
}

/** The ranges that a part may open connections to, with the ports of each. */
const blocksOf = (part: string, policies = all): { block: Any; rule: Any }[] =>
  applying(part, 'Egress', policies).flatMap(({ egress = [] }) =>
    egress.flatMap((rule: Any) =>
      (rule.to ?? []).flatMap(({ ipBlock }: Any) =>
        ipBlock === undefined ? [] : [{ block: ipBlock, rule }],
      ),
    ),
  )

/** Whether a part may open a connection to an address. */
const reaches = (part: string, address: string, port: number, policies = all): boolean =>
  blocksOf(part, policies).some(
    ({ block, rule }) => opens(rule, port) && takesAddress(block, address),
  )

function takesAddress({ cidr, except = [] }: Any, address: string): boolean {
  const within = (range: string) => {
    const [base = '', length] = range.split('/')
    if (isIP(base) !== isIP(address)) return false
    const list = new BlockList()
    const family = isIP(base) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(base, Number(length), family)
    return list.check(address, family)
  }
  return within(cidr) && !except.some(within)
}

describe('the network policies of a stack', () => {
  it('take every pod in both directions, so that nothing is open that is not named', () => {
    for (const part of PARTS) {
      expect(applying(part, 'Ingress')).not.toEqual([])
      expect(applying(part, 'Egress')).not.toEqual([])
    }
  })

  it('let the parts reach whom they need, and nobody else', () => {
    const open = PARTS.flatMap(from =>
      PARTS.filter(to => leaves(from, to, PORTS[to]) && enters({ part: from }, to, PORTS[to])).map(
        to => `${from} → ${to}`,
      ),
    )
    expect(open.sort()).toEqual([
      'api → chroma',
      'api → ollama',
      'verification → api',
      'verification → chroma',
      'verification → ollama',
    ])
  })

  it('let everybody in to the API, and only named namespaces to the auth proxies', () => {
    for (const namespace of ['shop', 'elsewhere']) {
      expect(enters({ namespace }, 'api', API_PORT)).toBe(true)
      expect(enters({ namespace }, 'chroma', 8080)).toBe(namespace === 'shop')
      expect(enters({ namespace }, 'ollama', 8080)).toBe(namespace === 'shop')
    }
  })

  it.each([8000, 11_434, 8081])('open port %d of a server behind an auth proxy to nobody', port => {
    for (const to of ['chroma', 'ollama']) {
      for (const part of PARTS) expect(enters({ part }, to, port)).toBe(false)
      expect(enters({ namespace: 'shop' }, to, port)).toBe(false)
    }
  })

  it('let every pod ask for names', () => {
    for (const part of PARTS) expect(leaves(part, 'dns', 53)).toBe(true)
  })

  it('let pools of Ollama out to whatever registry there is, and no other pod', () => {
    const registries = ['104.21.75.227', '172.67.182.229', '2606:4700:3034::6815:4be3']
    for (const address of registries) {
      expect(PARTS.filter(part => reaches(part, address, 443))).toEqual(['ollama'])
    }
    // By the address that IPv6-only nodes have for one of IPv4 (RFC 6052).
    expect(reaches('ollama', '64:ff9b::6815:4be3', 443)).toBe(true)
  })

  it.each([
    ["a cloud's metadata", '169.254.169.254'],
    ["AWS's, by IPv6", 'fd00:ec2::254'],
    ["Azure's wire server", '168.63.129.16'],
    ["Alibaba's metadata", '100.100.100.200'],
    ["Oracle's metadata", '192.0.0.192'],
    ['a metadata server through NAT64', '64:ff9b::a9fe:a9fe'],
    ['link-local', 'fe80::1'],
    ['loopback', '127.0.0.1'],
    ['loopback', '::1'],
    ['a pod', '10.244.1.7'],
    ['a Service', '10.96.0.1'],
    ['a node', '192.168.1.10'],
    ['a node', '172.31.255.254'],
    ['a node of a carrier-grade range', '100.64.3.2'],
    ["a pod of EKS's second range", '198.19.0.4'],
    ['a pod of a range of class E', '240.10.0.1'],
    ['a pod by IPv6', 'fd12:3456::7'],
    ['a pod through NAT64', '64:ff9b::af4:107'],
    ['all that listen', '224.0.0.1'],
  ])('let no pod open a connection to %s (%s)', (_what, address) => {
    expect(PARTS.filter(part => reaches(part, address, 443))).toEqual([])
  })

  it('let pools of Ollama out to the ranges that the settings name, and no other private one', () => {
    const named = policiesOf({ kubernetes: { pullFrom: ['10.20.0.0/16', 'fd12::/16'] } })
    const open = (address: string, part = 'ollama') => reaches(part, address, 5000, named)
    expect(['10.20.3.4', 'fd12::5', '104.21.75.227'].map(address => open(address))).toEqual([
      true,
      true,
      true,
    ])
    expect(['10.21.0.1', 'fd13::1', '169.254.169.254'].filter(address => open(address))).toEqual([])
    expect(open('10.20.3.4', 'api')).toBe(false)
  })

  it('keep the metadata of a cloud out of a range that is named too', () => {
    const named = policiesOf({ kubernetes: { pullFrom: ['100.64.0.0/10', 'fc00::/7'] } })
    const open = (address: string) => reaches('ollama', address, 80, named)
    expect(['100.64.0.1', 'fd12::1'].filter(open)).toHaveLength(2)
    expect(['100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254'].filter(open)).toEqual([])
  })

  it('leave ranges of a cluster out that are not private ones, where the settings name them', () => {
    const own = policiesOf({ kubernetes: { clusterRanges: ['203.0.112.0/20', '2001:db8::/48'] } })
    const open = (address: string) => reaches('ollama', address, 443, own)
    expect(['203.0.113.7', '2001:db8::7', '64:ff9b::cb00:7107'].filter(open)).toEqual([])
    expect(['203.0.128.7', '2001:db8:1::7'].filter(open)).toHaveLength(2)
  })

  it.each([
    ['modelMirror', 'http://10.1.2.3:5000/models', '10.1.2.3', 5000],
    ['modelMirror', 'https://10.1.2.3/models', '10.1.2.3', 443],
    ['modelMirror', 'http://[fd12::7]:5000/models', 'fd12::7', 5000],
    ['httpsProxy', 'http://ada:s3cret@192.168.7.8:3128', '192.168.7.8', 3128],
    ['httpsProxy', 'http://192.168.7.8', '192.168.7.8', 80],
    ['httpsProxy', 'socks5://192.168.7.8', '192.168.7.8', 1080],
  ])('let pools of Ollama out to a %s at a private address: %s', (key, value, address, port) => {
    const literal = policiesOf({ [key]: value })
    expect(PARTS.filter(part => reaches(part, address, port, literal))).toEqual(['ollama'])
    expect(reaches('ollama', address, port + 1, literal)).toBe(false)
    const next = address.replace(/.$/, '9')
    expect(reaches('ollama', next, port, literal)).toBe(false)
    expect(reaches('ollama', address, port)).toBe(false)
  })

  it("open no metadata of a cloud because a mirror's or a proxy's address is said to be there", () => {
    for (const address of ['100.100.100.200', '169.254.169.254', '[fd00:ec2::254]']) {
      const literal = policiesOf({ modelMirror: `http://${address}/models` })
      expect(reaches('ollama', address.replaceAll(/[[\]]/g, ''), 80, literal)).toBe(false)
    }
  })

  describe('for backups on schedule', () => {
    const backup = { to: 's3://archives', schedule: '@daily', secret: 'storage' }
    const withBackup = (more: object = {}) => policiesOf({ backup: { ...backup, ...more } })

    it('let them reach Chroma, and nobody else them', () => {
      const own = withBackup()
      const named = (part: string, direction: string) => applying(part, direction, own)
      expect(named('backup', 'Ingress').flatMap(({ ingress = [] }) => ingress)).toEqual([])
      const [{ egress }] = own.filter(({ podSelector, policyTypes }) => {
        const names = podSelector.matchExpressions?.[0].values ?? []
        return policyTypes[0] === 'Egress' && names.includes('api')
      })
      expect(takes(egress[0].to[0].podSelector, 'chroma')).toBe(true)
      const fronts = named('chroma', 'Ingress').flatMap(({ ingress = [] }) => ingress)
      expect(fronts.some(({ from }) => takes(from[0].podSelector, 'backup'))).toBe(true)
    })

    it('let them out to public storage and to ranges that are named, and the other pods not', () => {
      const own = withBackup({ ranges: ['10.9.0.0/16'] })
      for (const address of ['52.95.110.1', '10.9.0.4']) {
        const out = [...PARTS, 'backup'].filter(part => reaches(part, address, 443, own))
        expect(out.sort()).toEqual(address.startsWith('10.') ? ['backup'] : ['backup', 'ollama'])
      }
      for (const closed of ['10.8.0.1', '169.254.169.254', '10.96.0.1']) {
        expect(reaches('backup', closed, 443, own)).toBe(false)
      }
    })

    it('let them out to an endpoint at a private address, at its port', () => {
      const own = withBackup({ endpoint: 'http://192.168.7.8:9000' })
      expect(reaches('backup', '192.168.7.8', 9000, own)).toBe(true)
      expect(reaches('backup', '192.168.7.8', 9001, own)).toBe(false)
    })

    it.each([
      ['http://minio.storage.svc:9000', 'storage'],
      ['http://minio.storage.svc.cluster.local:9000', 'storage'],
      ['http://minio:9000', ''],
      ['https://minio.example.org', undefined],
    ])('let them out to the namespace of %s', (endpoint, name) => {
      const rules = applying('backup', 'Egress', withBackup({ endpoint }))
      const peers = rules.flatMap(({ egress = [] }) => egress.flatMap(({ to = [] }: Any) => to))
      const found = peers.filter(
        ({ namespaceSelector, podSelector }: Any) =>
          namespaceSelector !== undefined || (podSelector && !podSelector.matchLabels),
      )
      const of = { matchLabels: { 'kubernetes.io/metadata.name': name } }
      const wanted = name === '' ? [{ podSelector: {} }] : [{ namespaceSelector: of }]
      expect(found).toEqual(name === undefined ? [] : wanted)
    })
  })

  it('name exceptions as the API server takes them: each within its range, and smaller', () => {
    const settings = { kubernetes: { pullFrom: ['100.64.0.0/10'], clusterRanges: ['9.0.0.0/8'] } }
    const blocks = blocksOf('ollama', policiesOf(settings)).map(({ block }) => block)
    expect(blocks.length).toBeGreaterThan(2)
    for (const { cidr, except = [] } of blocks) {
      const [, length] = cidr.split('/')
      for (const range of except) {
        expect(takesAddress({ cidr }, range.split('/')[0]), `${range} in ${cidr}`).toBe(true)
        expect(Number(range.split('/')[1])).toBeGreaterThan(Number(length))
      }
    }
  })
})
