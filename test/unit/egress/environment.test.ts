import { describe, expect, it } from 'vitest'
import { proxyVariables } from '../../../infra/egress/proxy-variables.mjs'

const DIRECT = 'localhost,127.0.0.1,::1,[::1],.svc,.cluster.local'
const PROXY = 'http://proxy.example.org:3128'

describe('the proxies of the environment', () => {
  it.each([
    ['in lower case', { https_proxy: PROXY }],
    ['in upper case', { HTTPS_PROXY: PROXY }],
    ['in both', { https_proxy: PROXY, HTTPS_PROXY: 'http://another.example.org' }],
    ['in upper case beside an empty one', { https_proxy: '', HTTPS_PROXY: PROXY }],
    ['without a scheme', { https_proxy: 'proxy.example.org:3128' }],
  ])('%s are there in both cases with one value', (_, env) => {
    expect(proxyVariables(env)).toEqual({
      https_proxy: PROXY,
      HTTPS_PROXY: PROXY,
      no_proxy: DIRECT,
      NO_PROXY: DIRECT,
    })
  })

  it('are those of all_proxy where none is set for a protocol', () => {
    const variables = proxyVariables({ ALL_PROXY: PROXY, http_proxy: 'http://plain.example.org' })
    expect(variables).toMatchObject({ https_proxy: PROXY, http_proxy: 'http://plain.example.org' })
  })

  it('leave an all_proxy alone that not every program can use, and keep loopback from it', () => {
    const variables = proxyVariables({ all_proxy: 'socks://127.0.0.1:1080' })
    expect(variables).toEqual({ no_proxy: DIRECT, NO_PROXY: DIRECT })
  })

  it('set nothing where there are none', () => {
    expect(proxyVariables({ no_proxy: 'example.org', PATH: '/bin' })).toEqual({})
  })

  it.each([
    ['example.org 10.0.0.0/8', `example.org,10.0.0.0/8,${DIRECT}`],
    ['localhost, ::1', `localhost,::1,127.0.0.1,[::1],.svc,.cluster.local`],
    ['example.org,*', '*'],
  ])('keep no_proxy %j and add what is never asked through one', (no_proxy, expected) => {
    expect(proxyVariables({ https_proxy: PROXY, no_proxy }).NO_PROXY).toBe(expected)
  })

  it("keep a pod's API server from them", () => {
    const env = { https_proxy: PROXY, KUBERNETES_SERVICE_HOST: '10.96.0.1' }
    expect(proxyVariables(env).no_proxy).toBe(`${DIRECT},10.96.0.1`)
  })

  it.each(['ftp://proxy.example.org', 'http://[bad', 'http://', 'ada:s3cret@pro xy:1'])(
    'refuse %j by the name of the variable, without a password',
    value => {
      const variables = () => proxyVariables({ HTTP_PROXY: value })
      expect(variables).toThrow(/http_proxy is ".*; allowed is http:\/\/host:port/)
      expect(variables).not.toThrow('s3cret')
    },
  )
})
