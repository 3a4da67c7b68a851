import { setTimeout as sleep } from 'node:timers/promises'
import { type Millis, seconds } from '../../../infra/units.ts'
import type { CreatorId } from '../../store/creator-id.ts'
import { type ForgottenCreators, keyOf } from '../../store/forgotten.ts'
import { shared } from '../health/share-result.ts'

/** The last second until which tokens of a creator are void, because it was forgotten; undefined where it was not. */
export type VoidUntil = (creator: CreatorId) => Promise<number | undefined>

/** In another process a creator is forgotten for so long at most before its tokens are void in this one. */
const FRESH: Millis = seconds(1)
/** A Chroma that takes longer has no answers for who comes with such a token either. */
const WAITS: Millis = seconds(1)

/** By what is recorded beside the data, asked for again when it is a second old. */
export function forgottenTokens(forgotten: Pick<ForgottenCreators, 'voidUntil'>): VoidUntil {
  let known = new Map<string, number>()
  let readAt = Number.NEGATIVE_INFINITY
  const read = shared(async () => {
    const began = performance.now()
    known = await forgotten.voidUntil()
    readAt = began
  })
  return async creator => {
    if (performance.now() - readAt > FRESH) {
      await Promise.race([read().catch(() => undefined), sleep(WAITS, undefined, { ref: false })])
    }
    return known.get(keyOf(creator))
  }
}
