import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { formatDuration, type Millis, seconds } from '../../../infra/units.ts'
import { parseCreatorId } from '../../store/creator-id.ts'
import { type Grant, grantTo, LONGEST } from './grant.ts'
import type { KeySet } from './keys.ts'
import { revokedUntil } from './revocations.ts'

/** The one algorithm: a token that names another is refused, whatever key it was made with. */
const ALGORITHM = 'HS256'
/** Says what a token is for, so that none that the same key signed for something else passes. */
const AUDIENCE = 'knowledge-stack'

const SHORTEST: Millis = seconds(1)

const made = z.int().nonnegative()
const nobody = z.undefined().optional()
const Claims = z.discriminatedUnion('scope', [
  z.object({ scope: z.literal('creator'), sub: z.string(), iat: made }),
  z.object({ scope: z.literal('service'), sub: nobody, iat: made }),
  z.object({ scope: z.literal('monitor'), sub: nobody, iat: made }),
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
  { keys, revoked }: KeySet,
  wanted: Parameters<typeof grantTo>[0],
  lifetime: Millis,
  now: number = Date.now(),
): Promise<string> {
  if (!(lifetime >= SHORTEST && lifetime <= LONGEST)) {
    throw new Failure(
      'misused',
      `A token is to live ${formatDuration(lifetime)}; allowed is a second to a year`,
    )
  }
  const grant = grantTo(wanted)
  // One that is made in the second of a revocation would be revoked with those before it.
  const issued = Math.max(Math.floor(now / 1000), (revokedUntil(revoked, grant) ?? 0) + 1)
  const token = new SignJWT({ scope: grant.scope })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: keys[0].id })
    .setAudience(AUDIENCE)
    .setIssuedAt(issued)
    .setExpirationTime(issued + Math.floor(lifetime / 1000))
  if (grant.scope === 'creator') token.setSubject(grant.creator)
  return token.sign(keys[0].secret)
}

/**
 * What a token grants.
 * @param now Unix milliseconds
 * @throws TokenRefused unless one of the keys signed it, with the one algorithm, for this API, it has an expiry that
 *   has not come, and it was made later than those that are revoked
 */
export async function readToken(
  { keys, revoked }: KeySet,
  token: string,
  now: number,
): Promise<Grant> {
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
    const claims = Claims.parse(payload)
    const grant: Grant =
      claims.scope === 'creator'
        ? { scope: 'creator', creator: parseCreatorId(claims.sub) }
        : { scope: claims.scope }
    const until = revokedUntil(revoked, grant)
    if (until !== undefined && claims.iat <= until) {
      throw new TokenRefused('the token has been revoked')
    }
    return grant
  } catch (error) {
    if (error instanceof TokenRefused) throw error
    // Only a token that was once good is told why it is not: its signature was checked before its claims.
    const expired = error instanceof errors.JWTExpired
    throw new TokenRefused(expired ? 'the token has expired' : 'the token is not valid', {
      cause: error,
    })
  }
}
