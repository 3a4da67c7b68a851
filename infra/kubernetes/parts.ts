import type * as pulumi from '@pulumi/pulumi'
import type { MadeSecrets } from '../resources.ts'
import type { Settings } from '../settings.ts'

/** What every part of the deployment is made with. */
export interface Parts {
  settings: Settings
  images: Images
  /** What the fronts ask for. */
  tokens: pulumi.Output<MadeSecrets['tokens']>
  /** For what belongs to the update … */
  options: pulumi.CustomResourceOptions
  /** … and for what outlives `destroy`. */
  keeping: pulumi.CustomResourceOptions
}

/** By exact version, and by digest where the lock file has one. */
export interface Images {
  chroma: string
  ollama: string
  /** The proxy. */
  front: string
  /** The project's own: the API, the checks, and what brings models in. */
  api: string
}
