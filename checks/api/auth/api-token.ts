import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { formatDuration, type Millis, minutes, seconds } from '../../../infra/units.ts'
import { type CreatorId, isReserved, parseCreatorId } from '../../store/creator-id.ts'
import type { Keys } from './keys.ts'

/** The one algorithm: a token that names another is refused, whatever key it was made with. */
const ALGORITHM = 'HS256'
/** Says what a token is for, so that none that the same key signed for something else passes. */
const AUDIENCE = 'knowledge-stack'

const SHORTEST: Millis = seconds(1)
const LONGEST: Millis = minutes(366 * 24 * 60)

/** Who a token speaks for: one creator, a back end that acts for all of them, or what reads metrics alone. */
export type Grant = { scope: 'creator'; creator: CreatorId } | { scope: 'service' | 'monitor' }

const Claims = z.discriminatedUnion('scope', [
  z.object({ scope: z.literal('creator'), sub: z.string() }),
  z.object({ scope: z.literal('service'), sub: z.undefined().optional() }),
  z.object({ scope: z.literal('monitor'), sub: z.undefined().optional() }),
])

/** A token that does not count, and why, in words that help its owner and nobody else. */
export class TokenRefused extends Error {}

/**
 * A signed token (RFC 7519), to be sent as `Authorization: Bearer …`.
 * @param lifetime from one second to a year
 * @param now Unix milliseconds
 * @throws Failure `misused` for a creator that cannot have one, or another lifetime
 */
export async function makeToken(
  keys: Keys,
  grant: { scope: 'creator'; creator: string } | { scope: 'service' | 'monitor' },
  lifetime: Millis,
  now: number = Date.now(),
): Promise<string> {
  if (!(lifetime >= SHORTEST && lifetime <= LONGEST)) {
    throw new Failure(
      'misused',
      `A token is to live ${formatDuration(lifetime)}; allowed is a second to a year`,
    )
  }
  const issued = Math.floor(now / 1000)
  const token = new SignJWT({ scope: grant.scope })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: keys[0].id })
    .setAudience(AUDIENCE)
    .setIssuedAt(issued)
    .setExpirationTime(issued + Math.floor(lifetime / 1000))
  if (grant.scope === 'creator') {
    const creator = parseCreatorId(grant.creator)
    if (isReserved(creator)) {
      throw new Failure('misused', `The creator ${creator} is reserved for the verification`)
    }
    token.setSubject(creator)
  }
  return token.sign(keys[0].secret)
}

/**
 * What a token grants.
 * @param now Unix milliseconds
 * @throws TokenRefused unless one of the keys signed it, with the one algorithm, for this API, it has an expiry,
 *   and that has not come
 */
export async function readToken(keys: Keys, token: string, now: number): Promise<Grant> {
  const secrets = new Map(keys.map(({ id, secret }) => [id, secret]))
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const secret = secrets.get(kid ?? '')
        if (secret === undefined) throw new errors.JWKSNoMatchingKey()
        return secret
      },
      {
        algorithms: [ALGORITHM],
        audience: AUDIENCE,
        requiredClaims: ['exp'],
        currentDate: new Date(now),
      },
    )
    return toGrant(payload)
  } catch (error) {
    // Only a token that was once good is told why it is not: its signature was checked before its claims.
    const expired = error instanceof errors.JWTExpired
    throw new TokenRefused(expired ? 'the token has expired' : 'the token is not valid', {
      cause: error,
    })
  }
}

function toGrant(payload: unknown): Grant {
  const claims = Claims.parse(payload)
  if (claims.scope !== 'creator') return { scope: claims.scope }
  return { scope: 'creator', creator: parseCreatorId(claims.sub) }
}
