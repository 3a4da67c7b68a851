import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../../infra/failure.ts'
import { type Millis, seconds } from '../../../infra/units.ts'
import { type CreatorId, creatorKey } from '../../store/creator-id.ts'
import type { ForgottenCreators } from '../../store/forgotten.ts'
import { shared } from '../health/share-result.ts'

/** The last second until which tokens of a creator are void, because it was forgotten; undefined where it was not. */
export type VoidUntil = (creator: CreatorId) => Promise<number | undefined>

/** In another process a creator is forgotten for so long at most before its tokens are void in this one. */
const FRESH: Millis = seconds(1)
/** Whoever has such a token does not wait longer for it than some answers take. */
const WAITS: Millis = seconds(0.2)
/** For what was never read. */
const WAITS_FIRST: Millis = seconds(5)

/**
 * By what is recorded beside the data, asked for again when it is a second old. Where it cannot be asked for, what is known
 * holds for as long.
 * @throws Failure `unavailable` as long as it never could be asked for: then nobody knows whether the token counts
 */
export function forgottenTokens(forgotten: Pick<ForgottenCreators, 'voidUntil'>): VoidUntil {
  let known: Map<string, number> | undefined
  let askedAt = Number.NEGATIVE_INFINITY
  const read = shared(async () => {
    askedAt = performance.now()
    known = await forgotten.voidUntil()
  })
  return async creator => {
    if (known === undefined || performance.now() - askedAt > FRESH) {
      const patience = known === undefined ? WAITS_FIRST : WAITS
      await Promise.race([
        read().catch(() => undefined),
        sleep(patience, undefined, { ref: false }),
      ])
    }
    if (known === undefined) {
      throw new Failure('unavailable', 'Chroma does not say which creators were forgotten')
    }
    return known.get(creatorKey(creator))
  }
}
