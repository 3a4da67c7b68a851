/** MiB of young objects: each of two halves takes as much, and what is on its way from a server to a file is young. */
const SEMI_SPACE = 4

/**
 * What Node is given before its program, so that its memory follows what it holds, and not how much goes through it: the
 * larger the heap may become, the longer V8 waits before it collects.
 * @param {number} heap MiB
 */
export const nodeArguments = heap => [
  `--max-old-space-size=${heap}`,
  `--max-semi-space-size=${SEMI_SPACE}`,
]

/** To run a command on the machine where it was typed. */
export const COMMAND_ARGUMENTS = nodeArguments(1024)
/** To run it as a Job in a cluster, in the memory that its pod has. */
export const JOB_ARGUMENTS = nodeArguments(512)
