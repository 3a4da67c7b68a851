import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { procFile } from '../../../provision/process-identity.mjs'
import { parentOf } from '../../../provision/processes/process-table.ts'
import type { TestStack } from '../stack/test-stack.ts'

/** Ollama starts one for each model that is asked for, and ends it in its own time. */
const RUNNER = /^ollama runner/

/**
 * The processes of a stack on this machine by their programs: engines, their plugins and servers all have the stack's
 * folder or its home in their environment or arguments.
 */
export function stackProcesses({ folder, home }: TestStack): string[] {
  const pids = readdirSync('/proc').filter(
    name => /^\d+$/.test(name) && Number(name) !== process.pid,
  )
  return pids
    .flatMap(pid => {
      const [line = '', environment = ''] = ['cmdline', 'environ'].map(name =>
        procFile(Number(pid), name),
      )
      const text = line + environment
      if (!text.includes(folder) && !text.includes(home)) return []
      if (isOfSubshell(Number(pid))) return []
      const name = line
        .split('\0')
        .slice(0, 2)
        .map(part => basename(part))
        .join(' ')
      return RUNNER.test(name) ? [] : [`process ${name}`]
    })
    .sort()
}

/** What a shell's own fork starts: the looks at the disk and the pauses of Chroma's watchdog, each there for a moment. */
function isOfSubshell(pid: number): boolean {
  const parent = parentOf(pid)
  const grandparent = parent && parentOf(parent)
  if (!parent || !grandparent) return false
  const line = procFile(parent, 'cmdline')
  return /^(\/bin\/)?sh\0/.test(line ?? '') && line === procFile(grandparent, 'cmdline')
}
