import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KiB, MiB } from '../../../infra/units.ts'

/** Mounting needs root, and is done only where that was allowed (docs/settings.md: environment variables). */
export const MAY_MOUNT = process.env.KNOWLEDGE_STACK_TEST_SYSTEM === '1' && process.getuid?.() === 0

/** A disk of its own in memory, that can be full. */
export class SmallDisk {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** @param options of its mount, as mount(8) takes them */
  static async mount(options: string): Promise<SmallDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'small-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder])
    return new SmallDisk(folder)
  }

  get #filler(): string {
    return join(this.folder, 'filler')
  }

  /** To the last byte. */
  fill(): void {
    const file = openSync(this.#filler, 'a')
    for (let size = 16 * MiB; size >= KiB; size /= 2) {
      const part = Buffer.alloc(size, 1)
      try {
        while (writeSync(file, part) > 0);
      } catch {
        // No room for so many: fewer are tried.
      }
    }
    closeSync(file)
  }

  async makeRoom(): Promise<void> {
    await rm(this.#filler)
  }

  async unmount(): Promise<void> {
    execFileSync('umount', ['-l', this.folder])
    await rmdir(this.folder)
  }
}
