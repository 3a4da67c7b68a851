import { spawn } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import type { Cell } from './cells.ts'

const VERSION = '0.28.1'

/** What gguf-parser says each cell takes, in bytes; undefined where it cannot read the file. */
export async function ggufParser(cells: readonly Cell[]): Promise<(number | undefined)[]> {
  const child = spawn(await build(), { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(
    cells
      .map(({ model, context, parallel, kvCache }) =>
        JSON.stringify({
          path: model.path,
          context,
          parallel,
          kvCache,
          flashAttention: model.role === 'chat',
        }),
      )
      .join('\n'),
  )
  const lines = (await text(child.stdout)).trim().split('\n')
  return lines.map(line => Number(line) || undefined)
}

/** Built once, into the cache of the toolchain. */
async function build(): Promise<string> {
  const { cache, env } = toolchainOptions(process.env)
  const { signal } = new AbortController()
  const source = new URL('gguf-parser', import.meta.url).pathname
  const folder = await finishedFolder(
    join(cache, 'tools', `gguf-parser-${VERSION}`),
    'gguf-parser',
    { report() {}, signal },
    async draft => {
      await cp(source, draft, { recursive: true })
      await runCommand(['go', 'build', '-o', 'gguf-parser'], { env, signal, cwd: draft })
    },
  )
  return join(folder, 'gguf-parser')
}
