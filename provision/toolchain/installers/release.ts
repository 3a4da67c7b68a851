/** The parts whose vendors release builds of their own. */
export type ReleasedPart = 'pulumi' | 'ollama'

export interface Release {
  archive: string
  /** The file beside the archive that lists the sha256 of each. */
  checksums: string
  /** Where the archive is unpacked, and how many leading folders are left out, so that `bin` holds the binary. */
  into: 'bin' | '.'
  strip: number
}

const ARCHITECTURES: Record<ReleasedPart, Record<string, string>> = {
  pulumi: { x64: 'x64', arm64: 'arm64' },
  ollama: { x64: 'amd64', arm64: 'arm64' },
}

/**
 * The files of a release, as the vendors' release workflows name them (pulumi `.goreleaser.yml` and
 * `sign.yml` at v3.250.0; ollama `release.yaml` and `build_darwin.sh` at v0.17.4).
 * @returns undefined when there is no build for this platform
 */
export function releaseOf(
  part: ReleasedPart,
  version: string,
  platform: NodeJS.Platform,
  architecture: string,
): Release | undefined {
  const arch = ARCHITECTURES[part][architecture]
  if (arch === undefined || (platform !== 'linux' && platform !== 'darwin')) return undefined
  if (part === 'pulumi') {
    return {
      archive: `pulumi-v${version}-${platform}-${arch}.tar.gz`,
      checksums: `pulumi-${version}-checksums.txt`,
      into: 'bin',
      strip: 1,
    }
  }
  const checksums = 'sha256sum.txt'
  return platform === 'linux'
    ? { archive: `ollama-linux-${arch}.tar.zst`, checksums, into: '.', strip: 0 }
    : { archive: 'ollama-darwin.tgz', checksums, into: 'bin', strip: 0 }
}

/**
 * Finds a file in the output of sha256sum, whose names may be prefixed with `./` or `*`.
 * @returns the sha256 in hexadecimal, or undefined when the file is not listed
 */
export function checksumOf(file: string, list: string): string | undefined {
  for (const line of list.split('\n')) {
    const [, sha256, name] = /^([0-9a-f]{64})\s+\*?(?:\.\/)?(\S+)\s*$/.exec(line) ?? []
    if (name === file) return sha256
  }
  return undefined
}
