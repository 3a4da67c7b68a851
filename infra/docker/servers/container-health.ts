/** The images have no curl, but they have bash, which can speak to a port. */
const bash = (script: string): string[] => ['CMD', 'bash', '-c', script]

const EVERY = '5s'
const ANSWER_WITHIN = '5s'
/** Failures in a row that count. */
const RETRIES = 3

/** Docker tells durations back as it writes them: one of a minute and more would look changed. */
const timing = (startPeriod = '30s') => ({
  interval: EVERY,
  timeout: ANSWER_WITHIN,
  retries: RETRIES,
  startPeriod,
})

/** Healthy when a path answers 200. */
export const answering = (port: number, path: string) => ({
  ...timing(),
  tests: bash(ask(port, path)),
})

/** Healthy when something listens. */
export const listening = (port: number) => ({
  ...timing('5s'),
  tests: bash(`exec 3<>/dev/tcp/127.0.0.1/${port}`),
})

/** Where failures are counted: in memory, so that a container that starts again starts from nothing. */
const COUNT = '/dev/shm/alone'

/**
 * The health of a server in the network namespace of its auth proxy: healthy when a path answers 200 through the
 * proxy. When the proxy's port is gone from loopback, the proxy was started again and has a new namespace, while
 * this server is left in the one that nobody reaches. Then it ends its own first process, gently: the restart
 * policy starts it again, in the new namespace.
 */
export const behindAuthProxy = (proxyPort: number, path: string) => ({
  ...timing(),
  tests: bash(
    [
      `if (exec 3<>/dev/tcp/127.0.0.1/${proxyPort}) 2>/dev/null; then`,
      `  rm -f ${COUNT}; ${ask(proxyPort, path)}; exit`,
      'fi',
      `read -r n <${COUNT}; n=$((n + 1)); echo $n >${COUNT}`,
      `if [ $n -ge ${RETRIES} ]; then echo 'the auth proxy is gone: starting again'; kill -TERM 1; fi`,
      'exit 1',
    ].join('\n'),
  ),
})

const ask = (port: number, path: string): string =>
  [
    `exec 3<>/dev/tcp/127.0.0.1/${port} &&`,
    `printf 'GET ${path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 &&`,
    'read -r _ status _ <&3 && [ "$status" = 200 ]',
  ].join(' ')
