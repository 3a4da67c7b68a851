import { spawnSync } from 'node:child_process'
import type { Option } from 'commander'
import { keptOptions, type NpmRun, readNpmRun } from './kept-options.ts'
import { refusalOf } from './right-line.ts'

/**
 * Requires that npm has handed on all that a command was given. The command would do another thing without a word:
 * `npm run verify --read-only` writes.
 * @param args what npm handed on
 * @param operands those of them that belong to no option, where the command takes none
 * @throws Failure `misused` with the line that is meant
 */
export function requireRightLine(
  command: string,
  options: readonly Option[],
  args: readonly string[],
  operands: readonly string[],
): void {
  const run = readNpmRun(command)
  const kept = run === undefined ? new Map<string, string[]>() : keptOptions(run)
  const unknownToNpm = run === undefined ? [] : unknownOf([...kept.keys()], run)
  const silent = run?.environment.npm_config_loglevel === 'silent'
  const refusal = refusalOf({ command, options, args, operands, kept, unknownToNpm, silent })
  if (refusal !== undefined) throw refusal
}

/**
 * The settings that npm has no use for. Without its own environment nobody can tell which of them were typed.
 * @param keys with `_` for `-`
 */
function unknownOf(keys: readonly string[], { environment, outer }: NpmRun): string[] {
  const { npm_node_execpath: node, npm_execpath: npm } = environment
  if (keys.length === 0 || outer === undefined || !node || !npm) return []
  // For a single one npm leaves the name away.
  const names = [...keys.map(key => key.replaceAll('_', '-')), 'json']
  const { stdout } = spawnSync(node, [npm, 'config', 'get', ...names], {
    encoding: 'utf8',
    env: outer,
  })
  return keys.filter((_, index) => stdout?.split('\n').includes(`${names[index]}=undefined`))
}
