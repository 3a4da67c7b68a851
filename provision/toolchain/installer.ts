import type { Task } from '../progress.ts'
import type { ToolchainOptions } from './options.ts'

/**
 * - `path`: on PATH already
 * - `package`: shipped by a package of npm or PyPI
 * - `vendor`: the vendor's own download
 * - `source`: built here from package registries
 */
export type Origin = 'path' | 'package' | 'vendor' | 'source'

/** A part that was come by. */
export interface InstalledTool {
  version: string
  /** argv prefix that runs it, absolute. */
  command: string[]
  /** Folders for PATH: what the part itself looks for there. */
  binFolders: string[]
}

/** One way to come by a part. */
export interface Installer {
  /** Names the way among those of its part; kept in the cache's record of the choice. */
  name: string
  origin: Origin
  /** The way in words: `built from source`. */
  how: string
  /**
   * Comes by the part. What is made is made once: the next time it is only looked up.
   * @throws Failure that says why this way does not serve
   */
  install(options: ToolchainOptions, task: Task): Promise<InstalledTool>
}
