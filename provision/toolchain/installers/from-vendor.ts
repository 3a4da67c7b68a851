import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { extract } from 'tar'
import { Failure, reasonOf } from '../../../infra/failure.ts'
import type { Task } from '../../progress.ts'
import { finishedFolder } from '../finished-folder.ts'
import type { Installer } from '../installer.ts'
import type { ToolchainOptions } from '../options.ts'
import { PINS, wantedVersion } from '../pinned-tools.ts'
import { probeVersion } from '../probe.ts'
import { download } from './download.ts'
import { checksumOf, type ReleasedPart, releaseOf } from './release.ts'

/** Takes the vendor's own build, checked against the vendor's list of checksums. */
export function fromVendor(part: ReleasedPart): Installer {
  const { binary, title } = PINS[part]
  return {
    name: 'vendor',
    origin: 'vendor',
    how: "the vendor's own build",
    async install(options, task) {
      const version = wantedVersion(part, options)
      const folder = join(options.cache, 'tools', `${part}-${version}-vendor`)
      await finishedFolder(folder, `${title} ${version}`, task, draft =>
        install(part, draft, options, task),
      )
      const bin = join(folder, 'bin')
      return { version, command: [join(bin, binary)], binFolders: [bin] }
    },
  }
}

async function install(part: ReleasedPart, draft: string, options: ToolchainOptions, task: Task) {
  const { binary, title } = PINS[part]
  const version = wantedVersion(part, options)
  const what = `${title} ${version}`
  const release = releaseOf(part, version, process.platform, process.arch)
  if (release === undefined) {
    const system = `${process.platform} on ${process.arch}`
    throw new Failure('unavailable', `the vendor has no build of ${what} for ${system}`)
  }
  const base = `${options.releases[part]}/v${version}`
  const sums = await fetchText(`${base}/${release.checksums}`, options, task)
  const sha256 = checksumOf(release.archive, sums)
  if (sha256 === undefined) {
    throw new Failure(
      'unavailable',
      `${base}/${release.checksums} does not list ${release.archive}`,
    )
  }
  const url = `${base}/${release.archive}`
  const file = join(options.cache, 'downloads', `${part}-${version}.part`)
  await download({ what, url, file, sha256, stallAfter: options.stallAfter }, task)

  task.report(`unpacking ${release.archive}`)
  const cwd = join(draft, release.into)
  await mkdir(cwd, { recursive: true })
  await extract({ file, cwd, strip: release.strip, preserveOwner: false, strict: true })
  await requirePinned(part, join(draft, 'bin', binary), options, task)
  await rm(file)
}

async function requirePinned(
  part: ReleasedPart,
  command: string,
  options: ToolchainOptions,
  task: Task,
): Promise<void> {
  const { title } = PINS[part]
  const version = wantedVersion(part, options)
  const seen = await probeVersion(part, [command], options.env, task)
  if (seen === version) return
  throw new Failure('unavailable', `what the vendor has as ${title} ${version} says it is ${seen}`)
}

async function fetchText(url: string, { stallAfter }: ToolchainOptions, task: Task) {
  const signal = AbortSignal.any([task.signal, AbortSignal.timeout(stallAfter)])
  try {
    const response = await fetch(url, { signal })
    if (!response.ok) throw new Error(`the server answers ${response.status}`)
    return await response.text()
  } catch (error) {
    task.signal.throwIfAborted()
    throw new Failure('unavailable', `${url}: ${reasonOf(error)}`, { cause: error })
  }
}
