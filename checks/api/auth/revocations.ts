import { z } from 'zod'
import type { Millis } from '../../../infra/units.ts'
import type { Grant } from './grant.ts'

/** Tokens that count no more although they have not expired, in the words of their claims: those made until a second. */
export const Revocation = z.object({
  scope: z.enum(['creator', 'service', 'monitor']),
  /** The creator, where the scope is one's. */
  sub: z.string().optional(),
  /** Unix seconds. */
  until: z.int().nonnegative(),
})
export type Revocation = z.infer<typeof Revocation>

/** By whom the tokens speak for, the second until which those that were made are revoked. */
export type Revocations = ReadonlyMap<string, number>

/** No two are the same text: a scope has no space, and the creator is all that follows the first. */
const subjectOf = ({ scope, sub = '' }: Pick<Revocation, 'scope' | 'sub'>): string =>
  `${scope} ${sub}`

const claimsOf = (grant: Grant): Pick<Revocation, 'scope' | 'sub'> =>
  grant.scope === 'creator' ? { scope: grant.scope, sub: grant.creator } : { scope: grant.scope }

export const revocationsOf = (list: readonly Revocation[]): Revocations =>
  new Map(list.map(revocation => [subjectOf(revocation), revocation.until]))

/** @returns the second until which tokens of this grant are revoked; undefined where none are */
export const revokedUntil = (revoked: Revocations, grant: Grant): number | undefined =>
  revoked.get(subjectOf(claimsOf(grant)))

/**
 * The list with all tokens of one more grant revoked that were made until now, and without what can be forgotten.
 * @param longest how long a token may live: what was revoked earlier than that has expired by now
 * @param now Unix milliseconds
 */
export function withRevoked(
  list: readonly Revocation[],
  grant: Grant,
  longest: Millis,
  now: number,
): Revocation[] {
  const claims = claimsOf(grant)
  const second = Math.floor(now / 1000)
  const earlier = list.find(revocation => subjectOf(revocation) === subjectOf(claims))
  // A token that was made in the second of the last revocation bears the second after it (makeToken).
  const until = Math.max(second, (earlier?.until ?? 0) + 1)
  const kept = list.filter(
    revocation => revocation !== earlier && revocation.until > second - longest / 1000,
  )
  return [...kept, { ...claims, until }]
}
