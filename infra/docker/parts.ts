import type * as pulumi from '@pulumi/pulumi'
import type { MadeSecrets } from '../resources.ts'
import type { Settings } from '../settings.ts'
import type { Surroundings } from './container.ts'
import type { StackImages } from './images.ts'

/** What every server of the stack is made with. */
export interface Parts {
  settings: Settings
  surroundings: Surroundings
  images: StackImages
  tokens: pulumi.Output<MadeSecrets['tokens']>
}
