import { type Bytes, MiB } from '../units.ts'

/** Memory of the HTTP API's process, whatever its limits (checks/api/traffic/limits.ts) let callers send at once. */
export const API_MEMORY: Bytes = 512 * MiB
/** What of it the heap may take. The rest is code, bodies on their way, and room for those that were never freed yet. */
const API_HEAP: Bytes = 256 * MiB

/** What Node is given to run the HTTP API, on every target. @param main where the project's files are to it */
export const apiArguments = (main: string): string[] => [
  `--max-old-space-size=${API_HEAP / MiB}`,
  main,
]
