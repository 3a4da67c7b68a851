import type * as pulumi from '@pulumi/pulumi'
import type { MadeSecrets } from '../resources.ts'
import type { Settings } from '../settings/settings.ts'
import type { StackContext } from './container.ts'
import type { StackImages } from './docker-images.ts'

/** What every server of the stack is made with. */
export interface ContainerServerArgs {
  settings: Settings
  context: StackContext
  images: StackImages
  tokens: pulumi.Output<MadeSecrets['tokens']>
}
