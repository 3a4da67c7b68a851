import { PROJECT } from '../../infra/project.ts'
import { UNRECORDED_CHROMA } from '../../infra/settings/chroma-version.ts'
import { UNRECORDED_OLLAMA } from '../../infra/settings/ollama-version.ts'
import { parseSettings, type Settings, typed } from '../../infra/settings/parse-settings.ts'
import {
  imageOf,
  recordedServer,
  type ServerVersion,
  type ServerVersions,
  type VersionedServer,
} from '../../infra/settings/server-version.ts'
import { ownKey, type StackFile } from '../../infra/settings/settings-file.ts'
import { recordedLayout } from '../ownership/recorded-layout.ts'

/** The servers that settings ask for. */
export const wantedServers = ({ chroma, ollama, configuredImages }: Settings): ServerVersions => ({
  chroma: { version: chroma.version, image: configuredImages.chroma },
  ollama: { version: ollama.version, image: configuredImages.ollama },
})

const UNRECORDED = { chroma: UNRECORDED_CHROMA, ollama: UNRECORDED_OLLAMA } as const

/** The servers that a stack was deployed with last. Where no image is recorded, it was the one that the settings have. */
export function deployedServers(settings: Settings): ServerVersions {
  const wanted = wantedServers(settings)
  const of = (server: VersionedServer): ServerVersion => {
    const { version, image } = recordedServer(server, settings.home) ?? {
      version: UNRECORDED[server],
    }
    const own = wanted[server].version === version ? wanted[server].image : imageOf(server, version)
    return { version, image: image ?? own }
  }
  return { chroma: of('chroma'), ollama: of('ollama') }
}

/** Whether a version of this project deployed the stack that froze nothing. */
export const isOfBefore = ({ home }: Settings): boolean =>
  recordedServer('chroma', home) === undefined

/** Whether the settings put others in the place of servers that have data. */
export const asksForOthers = async (settings: Settings): Promise<boolean> =>
  (await recordedLayout(settings)) !== undefined &&
  areOthers(settings, deployedServers(settings), wantedServers(settings))

/** What tells one server of a stack from another: its version, and where containers run its image. */
export const serverName = (
  { target }: Pick<Settings, 'target'>,
  { version, image }: ServerVersion,
): string => (target === 'local' ? version : image)

/** Whether one of these takes the place of another when a stack is deployed. */
export const isOther = (
  settings: Pick<Settings, 'target'>,
  a: ServerVersion,
  b: ServerVersion,
): boolean => serverName(settings, a) !== serverName(settings, b)

export const areOthers = (
  settings: Pick<Settings, 'target'>,
  a: ServerVersions,
  b: ServerVersions,
): boolean => isOther(settings, a.chroma, b.chroma) || isOther(settings, a.ollama, b.ollama)

/** A stack's file as it would be, had it named these servers. */
export function withServers(stack: StackFile, { chroma, ollama }: ServerVersions): StackFile {
  const [, images] = typed(['images', stack.configured.images ?? {}])
  const named = {
    chromaVersion: chroma.version,
    ollamaVersion: ollama.version,
    images: { ...(images as object), chroma: chroma.image, ollama: ollama.image },
  }
  const others = Object.entries(stack.document.config ?? {}).filter(
    ([key]) => !((ownKey(key) ?? '') in named),
  )
  const own = Object.entries(named).map(([key, value]) => [`${PROJECT}:${key}`, value])
  const configured = { ...stack.configured, ...named }
  return {
    ...stack,
    document: { ...stack.document, config: Object.fromEntries([...others, ...own]) },
    configured,
    settings: parseSettings(stack.settings.stack, configured),
  }
}
