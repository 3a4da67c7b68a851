import { proxyVariables } from '../../infra/egress/proxy-variables.mjs'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { certificateVariables } from './certificate-variables.mjs'

/**
 * Makes this process, and with it all that it starts, obey the proxies and certificates of its environment, whichever
 * way it was started: by the bootstrap, or by an engine that was called plainly. To be called before anything else is
 * done: the first channel to the engine asks a proxy too unless it was told not to.
 * @throws Failure `misused` that names the variable
 */
export async function useEnvironment(): Promise<void> {
  try {
    Object.assign(process.env, proxyVariables(process.env), certificateVariables(process.env))
  } catch (error) {
    throw new Failure('misused', reasonOf(error), {
      mend: 'export https_proxy=http://host:port, or unset it',
      cause: error,
    })
  }
  // Loading it takes a moment that only those with a proxy are to wait for.
  if (process.env.http_proxy || process.env.https_proxy) {
    const { fetchByProxies } = await import('./fetch-by-proxies.ts')
    fetchByProxies()
  }
}
