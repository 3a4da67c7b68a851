import type * as pulumi from '@pulumi/pulumi'
import type { SpecArgs } from '../servers/server-spec.ts'
import type { ClaimSizes, TargetComponentArgs } from '../servers/target-component.ts'

/** What every part of the deployment is made with. */
export interface PodServerArgs extends SpecArgs, Pick<TargetComponentArgs, 'layout'> {
  claimSizes: ClaimSizes
  /** For what belongs to the update. */
  options: pulumi.CustomResourceOptions
  /** For what outlives `destroy`. */
  retaining: pulumi.CustomResourceOptions
}
