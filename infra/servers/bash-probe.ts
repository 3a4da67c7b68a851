/** Seconds that an answer may take: less than what runs the probe gives it, so that none is left behind. */
const ANSWER_WITHIN = 4

/**
 * Asks a port of loopback from within a container: the images have no curl, but they have bash, which can speak to a
 * port. Succeeds when a path answers 200.
 */
export const askByBash = (port: number, path: string): string =>
  [
    `exec 3<>/dev/tcp/127.0.0.1/${port} &&`,
    `printf 'GET ${path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 &&`,
    `read -r -t ${ANSWER_WITHIN} _ status _ <&3 && [ "$status" = 200 ]`,
  ].join(' ')

/** Runs a script of bash. */
export const bash = (script: string): string[] => ['bash', '-c', script]
