import type * as pulumi from '@pulumi/pulumi'
import type { MadeSecrets } from '../resources.ts'
import type { Settings } from '../settings/settings.ts'

/** What every part of the deployment is made with. */
export interface PodServerArgs {
  settings: Settings
  /** What the fronts ask for. */
  tokens: pulumi.Output<MadeSecrets['tokens']>
  /** For what belongs to the update … */
  options: pulumi.CustomResourceOptions
  /** … and for what outlives `destroy`. */
  keeping: pulumi.CustomResourceOptions
}
