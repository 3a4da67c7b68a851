import { describe, expect, it } from 'vitest'
import { proxyFor } from '../../../infra/egress/proxy-for.ts'

const [PLAIN, TLS] = ['http://plain:1', 'http://tls:2']
const env = (no_proxy = '') => ({ http_proxy: PLAIN, https_proxy: TLS, no_proxy })

describe('the proxy for a URL', () => {
  it('is the one of its protocol', () => {
    expect(proxyFor('http://example.org', env())).toBe(PLAIN)
    expect(proxyFor('https://example.org/path', env())).toBe(TLS)
    expect(proxyFor('https://example.org', { http_proxy: PLAIN })).toBeUndefined()
  })

  it.each(['http://127.0.0.1:8000', 'http://127.8.8.8', 'http://localhost', 'http://[::1]:8000'])(
    'is none for %s, whatever no_proxy says',
    url => {
      expect(proxyFor(url, env())).toBeUndefined()
    },
  )

  it.each([
    ['example.org', 'https://example.org', true],
    ['example.org', 'https://models.example.org', true],
    ['.example.org', 'https://models.example.org', true],
    ['*.example.org', 'https://models.example.org', true],
    ['EXAMPLE.org', 'https://example.org', true],
    ['example.org', 'https://notexample.org', false],
    ['example.org:443', 'https://example.org', true],
    ['example.org:8443', 'https://example.org', false],
    ['10.1.2.3', 'http://10.1.2.3:5000', true],
    ['10.0.0.0/8', 'https://10.1.2.3:6443', true],
    ['10.0.0.0/8', 'https://11.1.2.3:6443', false],
    ['10.0.0.0/99', 'https://10.1.2.3', false],
    ['10.0.0.0/8', 'https://example.org', false],
    ['fd00::/8', 'https://[fd00::1]:6443', true],
    ['fd00::1', 'https://[fd00::1]', true],
    ['[fd00::1]:6443', 'https://[fd00::1]:6443', true],
    ['.svc', 'https://chroma.models.svc:8000', true],
    ['a.example other.example', 'https://other.example', true],
    ['*', 'https://example.org', true],
    ['', 'https://example.org', false],
  ])('with no_proxy %j for %s is spared: %s', (noProxy, url, spared) => {
    expect(proxyFor(url, env(noProxy)) === undefined).toBe(spared)
  })
})
