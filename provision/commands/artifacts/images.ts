import {
  IMAGE_LOCK,
  ImageLock,
  mirrored,
  OWN_IMAGE,
} from '../../../infra/settings/image-settings.ts'
import { digestOf } from '../../images/image-registry.ts'
import { changeJsonRecord } from '../../json-record.ts'
import { openStackFile } from '../../read-models.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

interface ImagesOptions extends StackOptions {
  lockFile: string
}

/** Asks the registries for the digests of a stack's images, which deployments are held to from then on. */
export const images: CommandSpec<ImagesOptions> = {
  name: 'images',
  description: "write the digests of a stack's images, as the registries have them, into the lock",
  options: [
    ...STACK_FLAGS,
    { flags: '--lock-file <path>', description: 'the lock file', default: IMAGE_LOCK },
  ],
  async run({ stack, configFile, lockFile: lock }, { steps }) {
    const { settings } = await openStackFile(stack, configFile)
    const { mirror, ...named } = settings.configuredImages
    const wanted = Object.values(named).filter(image => image !== OWN_IMAGE && !image.includes('@'))
    const seen: ImageLock = {}
    for (const image of wanted) {
      seen[image] = await steps.run(
        image,
        ({ signal }) => digestOf(mirrored(image, mirror), signal),
        digest => digest,
      )
    }
    await changeJsonRecord(lock, ImageLock, content => ({ ...content, ...seen }))
    const rows = Object.entries(seen).map(([image, digest]) => `  ${image.padEnd(40)} ${digest}`)
    return { text: rows.join('\n'), document: { stack, lock, images: seen } }
  },
}
