/** The version of a stack that names none: the newest that all suites of this project ran against. */
export const DEFAULT_CHROMA = '1.5.9'

/** What runs in stacks that do not say which Chroma does: no other was deployed then. */
export const UNRECORDED_CHROMA = '1.5.9'

export const SUPPORTED_CHROMA = '1.5.8 and newer 1.x'

const OLDEST = { minor: 5, patch: 8 }

/** Why a version is not supported, as what follows its name; undefined for one that is. */
export function chromaVersionProblem(version: string): string | undefined {
  const [, major, minor, patch, rest] = /^(\d+)\.(\d+)\.(\d+)(.*)$/.exec(version) ?? []
  if (major === undefined) return 'is not a version'
  if (rest !== '') return 'is not a release'
  if (Number(major) > 1) return 'is of a major version that this project never met'
  const isOld =
    Number(major) < 1 ||
    Number(minor) < OLDEST.minor ||
    (Number(minor) === OLDEST.minor && Number(patch) < OLDEST.patch)
  return isOld ? 'is older than all that this project ran against' : undefined
}

/** Chroma's own image of a version. */
export const chromaImage = (version: string): string => `chromadb/chroma:${version}`
