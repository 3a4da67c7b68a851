import { chmod, mkdir, open, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EngineEvent, readEvent } from '../../../provision/pulumi/engine-events.ts'
import { realTools } from '../toolchain/toolchain.ts'

const EVENTS = 'events.jsonl'

/**
 * The real Pulumi as a folder for PATH, whose engine writes its events into a file too: `up` itself keeps them to
 * what it shows.
 */
export class LoggedEngine {
  /** For PATH, before all others. */
  readonly bin: string
  readonly #file: string
  #read = 0
  #rest = ''

  private constructor(bin: string, file: string) {
    this.bin = bin
    this.#file = file
  }

  static async in(folder: string): Promise<LoggedEngine> {
    const bin = join(folder, 'logged-engine')
    const file = join(folder, EVENTS)
    await mkdir(bin)
    const { pulumi } = await realTools()
    for (const real of pulumi.binFolders) {
      for (const name of await readdir(real)) {
        if (name !== 'pulumi') await symlink(join(real, name), join(bin, name))
      }
    }
    const [command] = pulumi.command as [string]
    const script = join(bin, 'pulumi')
    // The engine takes it among what its developers debug with.
    const logs = `[ "$1" = up ] && export PULUMI_DEBUG_COMMANDS=true && set -- "$@" --event-log '${file}'`
    // In the place of the shell, so that the engine is the process that is started.
    await writeFile(script, `#!/bin/sh\n${logs}\nexec '${command}' "$@"\n`)
    await chmod(script, 0o755)
    return new LoggedEngine(bin, file)
  }

  /** Forgets the events of the update before. */
  async forget(): Promise<void> {
    await rm(this.#file, { force: true })
    this.#read = 0
    this.#rest = ''
  }

  /** The events that were written since it was last asked. */
  async news(): Promise<EngineEvent[]> {
    const file = await open(this.#file).catch(() => undefined)
    if (file === undefined) return []
    try {
      const buffer = Buffer.alloc((await file.stat()).size - this.#read)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#read)
      this.#read += bytesRead
      const lines = (this.#rest + buffer.toString('utf8', 0, bytesRead)).split('\n')
      this.#rest = lines.pop() ?? ''
      return lines.flatMap(line => readEvent(line) ?? [])
    } finally {
      await file.close()
    }
  }
}
