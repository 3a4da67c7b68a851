import { Agent, Dispatcher, ProxyAgent, setGlobalDispatcher } from 'undici'
import { proxyFor } from '../../infra/egress/proxy-for.ts'

/** Has the platform's fetch ask each host through the proxy that the environment has for it, or directly. */
export const fetchByProxies = (): void => setGlobalDispatcher(new ByProxies())

class ByProxies extends Dispatcher {
  readonly #direct = new Agent()
  readonly #proxies = new Map<string, ProxyAgent>()

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const proxy = proxyFor(String(options.origin))
    const agent = proxy === undefined ? this.#direct : this.#through(proxy)
    return agent.dispatch(options, handler)
  }

  #through(proxy: string): ProxyAgent {
    const agent = this.#proxies.get(proxy) ?? new ProxyAgent(proxy)
    this.#proxies.set(proxy, agent)
    return agent
  }
}
