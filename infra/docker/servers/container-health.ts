import { askByBash, bash } from '../../servers/bash-probe.ts'

const byBash = (script: string): string[] => ['CMD', ...bash(script)]

const EVERY = '5s'
const ANSWER_WITHIN = '5s'
/** Failures in a row that count. */
const RETRIES = 3

/** Docker tells durations back as it writes them: one of a minute and more would look changed. */
const TIMING = {
  interval: EVERY,
  timeout: ANSWER_WITHIN,
  retries: RETRIES,
  startPeriod: '30s',
}

/** Healthy when a path answers 200. */
export const answering = (port: number, path: string) => ({
  ...TIMING,
  tests: byBash(askByBash(port, path)),
})

/** Where failures are counted: in memory, so that a container that starts again starts from nothing. */
const COUNT = '/dev/shm/alone'

/**
 * The health of a server in the network namespace of its auth proxy: healthy when a path answers 200 through the
 * proxy. When the proxy's port is gone from loopback, the proxy was started again and has a new namespace, while
 * this server is left in the one that nobody reaches. Then it ends its own first process, gently: the restart
 * policy starts it again, in the new namespace. A proxy that hangs or refuses still listens: then this server is
 * unhealthy and runs on.
 */
export const behindAuthProxy = (proxyPort: number, path: string) => ({
  ...TIMING,
  tests: byBash(
    [
      `if (exec 3<>/dev/tcp/127.0.0.1/${proxyPort}) 2>/dev/null; then`,
      `  rm -f ${COUNT}; ${askByBash(proxyPort, path)}; exit`,
      'fi',
      `read -r n <${COUNT}; n=$((n + 1)); echo $n >${COUNT}`,
      `if [ $n -ge ${RETRIES} ]; then echo 'the auth proxy is gone: starting again'; kill -TERM 1; fi`,
      'exit 1',
    ].join('\n'),
  ),
})
