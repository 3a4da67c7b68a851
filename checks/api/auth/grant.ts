import { Failure } from '../../../infra/failure.ts'
import { type Millis, minutes } from '../../../infra/units.ts'
import { type CreatorId, isReserved, parseCreatorId } from '../../store/creator-id.ts'

/** Who a token speaks for: one creator, a back end that acts for all of them, or who watches over the servers. */
export type Grant = { scope: 'creator'; creator: CreatorId } | { scope: 'service' | 'monitor' }

/** How long a token may live. */
export const LONGEST: Millis = minutes(366 * 24 * 60)

/**
 * Who a token is to speak for, as callers name it.
 * @throws Failure `misused` for a creator that cannot have one
 */
export function grantTo(
  wanted: { scope: 'creator'; creator: string } | { scope: 'service' | 'monitor' },
): Grant {
  if (wanted.scope !== 'creator') return wanted
  const creator = parseCreatorId(wanted.creator)
  if (isReserved(creator)) {
    throw new Failure('misused', `The creator ${creator} is reserved for the verification`)
  }
  return { scope: 'creator', creator }
}
