import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Wrong } from '../egress/egress-settings.ts'
import {
  chromaImage,
  chromaVersionProblem,
  DEFAULT_CHROMA,
  SUPPORTED_CHROMA,
} from './chroma-version.ts'
import { versionRecordOf } from './home-paths.ts'
import { DEFAULT_OLLAMA, ollamaImage, SUPPORTED_OLLAMA, versionProblem } from './ollama-version.ts'

export type VersionedServer = 'chroma' | 'ollama'

/** A server of a stack: its version, and the image of that version for targets that run containers. */
export const ServerVersion = z.object({ version: z.string(), image: z.string() })
export type ServerVersion = z.infer<typeof ServerVersion>

/** Of both servers. */
export type ServerVersions = Record<VersionedServer, ServerVersion>

interface Kind {
  title: string
  newest: string
  supported: string
  problem: (version: string) => string | undefined
  image: (version: string) => string
  /** The version that an image's name says; undefined where its tag is somebody's own. */
  inImage: (reference: string) => string | undefined
  /** Whether the stack is planned by it, so that somebody has to say it. */
  isPlannedBy: boolean
}

const KINDS: Record<VersionedServer, Kind> = {
  chroma: {
    title: 'Chroma',
    newest: DEFAULT_CHROMA,
    supported: SUPPORTED_CHROMA,
    problem: chromaVersionProblem,
    image: chromaImage,
    // What follows is of who has built it.
    inImage: reference => /^\d+\.\d+\.\d+/.exec(versionOfImage(reference) ?? '')?.[0],
    isPlannedBy: false,
  },
  ollama: {
    title: 'Ollama',
    newest: DEFAULT_OLLAMA,
    supported: SUPPORTED_OLLAMA,
    problem: versionProblem,
    image: ollamaImage,
    inImage: versionOfImage,
    isPlannedBy: true,
  },
}

/** A server's own image of a version. */
export const imageOf = (server: VersionedServer, version: string): string =>
  KINDS[server].image(version)

/**
 * The server that settings ask for: of the version they name, of the image they name, else what the stack was deployed
 * with, so that a newer default changes no stack that runs.
 * @param version as chromaVersion or ollamaVersion says it, or empty
 * @param image as images.chroma or images.ollama says it
 * @throws Failure `misused` for a version that is not supported, and for two that contradict each other
 */
export function chosenServer(
  server: VersionedServer,
  version: string,
  image: string | undefined,
  deployed: () => Pick<ServerVersion, 'version'> | undefined,
  wrong: Wrong,
): ServerVersion {
  const { title, newest, supported, problem, image: ownImage, inImage, isPlannedBy } = KINDS[server]
  const [setting, imageSetting] = [`${server}Version`, `images.${server}`]
  const tagged = image && inImage(image)
  if (isPlannedBy && image !== undefined && tagged === undefined && version === '') {
    const allowed = `an image whose tag is a version of ${title}, or ${setting} saying which one it has`
    throw wrong(imageSetting, image, allowed)
  }
  if (tagged !== undefined && version !== '' && tagged !== version) {
    throw wrong(setting, version, `${tagged}, which ${imageSetting} has, or another image`)
  }
  const asked = version || tagged
  const found = asked && problem(asked)
  if (found) {
    const [key, value] = version ? [setting, version] : [imageSetting, image]
    throw wrong(key, value, `a version out of ${supported}: ${asked} ${found}`)
  }
  const taken = asked ?? deployed()?.version ?? newest
  return { version: taken, image: image ?? ownImage(taken) }
}

/** As it is recorded; one of before images were recorded names none. */
export const RecordedServer = ServerVersion.partial({ image: true })
type RecordedServer = z.infer<typeof RecordedServer>

/** The server that a home folder's stack was deployed with; undefined where none was, or nothing says so. */
export function recordedServer(server: VersionedServer, home: string): RecordedServer | undefined {
  const { problem } = KINDS[server]
  try {
    const recorded = RecordedServer.parse(
      JSON.parse(readFileSync(versionRecordOf(home, server), 'utf8')),
    )
    return problem(recorded.version) === undefined ? recorded : undefined
  } catch {
    return undefined
  }
}

/**
 * The version that the tag of an image says, without what follows for another accelerator: `0.17.4` of
 * `ollama/ollama:0.17.4-rocm`.
 * @returns undefined where the tag is somebody's own
 */
export function versionOfImage(reference: string): string | undefined {
  const tag = reference.split('@')[0]!.split('/').at(-1)!.split(':')[1] ?? ''
  return /^v?(\d+\.\d+\.\d+.*?)(-rocm)?$/.exec(tag)?.[1]
}
