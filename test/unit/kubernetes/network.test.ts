import { describe, expect, it } from 'vitest'
import { policies } from '../../../infra/kubernetes/network-policies.ts'

const API_PORT = 8003
const PARTS = ['chroma', 'ollama', 'api', 'verification'] as const
const PORTS = { chroma: 8080, ollama: 8080, api: API_PORT, verification: 8080 }

// biome-ignore lint/suspicious/noExplicitAny: policies as the API takes them
type Any = any

const all: Any[] = Object.values(policies({ clients: ['shop'] }, API_PORT))

/** Whether a selector takes the pods of a part: by name, or all of them. */
const takes = (selector: Any, part: string): boolean =>
  (selector?.matchExpressions ?? []).every(({ values }: Any) => values.includes(part))

const opens = (rule: Any, port: number): boolean =>
  rule.ports === undefined || rule.ports.some((open: Any) => open.port === port)

const applying = (part: string, direction: string) =>
  all.filter(
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
    const anywhere = (part: string) =>
      applying(part, 'Egress').some(({ egress = [] }) =>
        egress.some(({ to = [] }: Any) => to.some(({ ipBlock }: Any) => ipBlock !== undefined)),
      )
    expect(PARTS.filter(anywhere)).toEqual(['ollama'])
  })
})
