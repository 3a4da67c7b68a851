import fc from 'fast-check'
import { CompactSign, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { makeToken, readToken, TokenRefused } from '../../../checks/api/auth/api-token.ts'
import { grantTo } from '../../../checks/api/auth/grant.ts'
import type { Key, KeySet } from '../../../checks/api/auth/keys.ts'
import {
  type Revocation,
  revocationsOf,
  withRevoked,
} from '../../../checks/api/auth/revocations.ts'
import { RESERVED_PREFIX } from '../../../checks/store/creator-id.ts'
import { minutes, seconds } from '../../../infra/units.ts'
import { HOSTILE_CREATORS, validId } from '../../support/api/hostile.ts'

const NOW = Date.UTC(2030, 0, 1)
const key = (id: string, fill: number) => ({ id, secret: new Uint8Array(32).fill(fill) })
const CURRENT = key('current', 1)
const OLD = key('old', 2)
const FOREIGN = key('current', 3)
const keySet = (...keys: [Key, ...Key[]]): KeySet => ({ keys, revoked: new Map() })
const KEYS = keySet(CURRENT, OLD)

const refused = (token: string) =>
  expect(readToken(KEYS, token, NOW)).rejects.toBeInstanceOf(TokenRefused)

describe('a token', () => {
  it('speaks for the very creator that it was made for, whatever the id', async () => {
    const ids = fc.oneof(validId, fc.constantFrom(...HOSTILE_CREATORS))
    await fc.assert(
      fc.asyncProperty(ids, async creator => {
        const token = await makeToken(KEYS, { scope: 'creator', creator }, minutes(5), NOW)
        expect(await readToken(KEYS, token, NOW)).toEqual({ scope: 'creator', creator })
      }),
    )
  })

  it.each(['service', 'monitor'] as const)(
    'of the scope %s speaks for no creator by name',
    async scope => {
      const token = await makeToken(KEYS, { scope }, minutes(5), NOW)
      expect(await readToken(KEYS, token, NOW)).toEqual({ scope })
    },
  )

  it('stays good after a rotation, until its key is taken out', async () => {
    const token = await makeToken(keySet(OLD), { scope: 'creator', creator: 'a' }, minutes(5), NOW)
    expect(await readToken(KEYS, token, NOW)).toMatchObject({ creator: 'a' })
    await expect(readToken(keySet(CURRENT), token, NOW)).rejects.toThrow('not valid')
  })

  it('is good to its last second and no longer, and says so', async () => {
    const token = await makeToken(KEYS, { scope: 'creator', creator: 'a' }, seconds(10), NOW)
    expect(await readToken(KEYS, token, NOW + 9_999)).toMatchObject({ creator: 'a' })
    await expect(readToken(KEYS, token, NOW + 10_000)).rejects.toThrow('expired')
  })

  it('is refused with any one character changed', async () => {
    const token = await makeToken(KEYS, { scope: 'creator', creator: 'alice' }, minutes(5), NOW)
    const positions = fc.nat(token.length - 1)
    const characters = fc.constantFrom(...'ABCXYZabcxyz0189-_.')
    await fc.assert(
      fc.asyncProperty(positions, characters, async (position, character) => {
        const changed = token.slice(0, position) + character + token.slice(position + 1)
        const same = canonical(changed) === canonical(token)
        if (!same) await refused(changed)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['is reserved for the verification', `${RESERVED_PREFIX}x`, minutes(5), 'reserved'],
    ['is not a creator id', 'e\u0301', minutes(5), 'NFC'],
    ['is empty', '', minutes(5), 'empty'],
    ['lives no time at all', 'a', 0, 'allowed is a second to a year'],
    ['lives for ever', 'a', Number.POSITIVE_INFINITY, 'allowed is a second to a year'],
    ['lives not even a number', 'a', Number.NaN, 'allowed is a second to a year'],
  ])('is not made when it %s', async (_why, creator, lifetime, message) => {
    const made = makeToken(KEYS, { scope: 'creator', creator }, lifetime, NOW)
    await expect(made).rejects.toThrow(message)
  })
})

describe('a token that was revoked', () => {
  const alice = grantTo({ scope: 'creator', creator: 'alice' })
  const revoking = (list: readonly Revocation[], grant = alice, now = NOW) => {
    const all = withRevoked(list, grant, minutes(1e6), now)
    return { all, keys: { ...KEYS, revoked: revocationsOf(all) } }
  }
  const made = (keys: KeySet, grant = alice) => makeToken(keys, grant, minutes(5), NOW)

  it('is refused and told so, while one that is made right after is good at once', async () => {
    const before = await made(KEYS)
    const { keys } = revoking([])
    await expect(readToken(keys, before, NOW)).rejects.toThrow('revoked')
    expect(await readToken(keys, await made(keys), NOW)).toEqual(alice)
  })

  it('is refused too where it was made in the second of an earlier revocation', async () => {
    const first = revoking([])
    const between = await made(first.keys)
    const second = revoking(first.all)
    await expect(readToken(second.keys, between, NOW)).rejects.toThrow('revoked')
    expect(await readToken(second.keys, await made(second.keys), NOW)).toEqual(alice)
  })

  it('is just that of the one who was named', async () => {
    const others = [
      grantTo({ scope: 'creator', creator: 'bob' }),
      grantTo({ scope: 'creator', creator: 'service' }),
      { scope: 'monitor' } as const,
      alice,
    ]
    const { keys } = revoking([], { scope: 'service' })
    for (const grant of others) {
      expect(await readToken(keys, await made(KEYS, grant), NOW)).toEqual(grant)
    }
    const service = await made(KEYS, { scope: 'service' })
    await expect(readToken(keys, service, NOW)).rejects.toThrow('revoked')
  })
})

/** The parts of a token as bytes: base64url has bits that mean nothing at the end of some lengths. */
const canonical = (token: string): string =>
  token
    .split('.')
    .map(part => Buffer.from(part, 'base64url').toString('hex'))
    .join('.')

/** What a forger can choose. The first of each is what a real token has. */
const CHOICES = {
  secret: [CURRENT.secret, FOREIGN.secret, new Uint8Array(32), OLD.secret],
  kid: ['current', 'old', 'nobody', '__proto__', undefined],
  alg: ['HS256', 'HS384', 'HS512', 'none'],
  exp: ['later', 'earlier', 'now', 'text', undefined],
  aud: ['knowledge-stack', 'another', undefined, ['another', 'more']],
  scope: ['creator', 'service', 'monitor', 'admin', undefined, ['service']],
  sub: ['alice', '', 'a\u0301', 7, undefined, { $ne: 'x' }],
} as const

type Forged = { [Choice in keyof typeof CHOICES]: (typeof CHOICES)[Choice][number] }

/** More of it at once is wrong for several reasons, each of which is tried with fewer. */
const CHANGES = 4
/** So many of the 57,600 differ in no more. */
const ALL = 9693

describe('of all tokens that differ in up to four of key, kid, algorithm, expiry, audience, scope and creator', () => {
  const times = { later: NOW / 1000 + 60, earlier: NOW / 1000 - 60, now: NOW / 1000, text: 'soon' }

  /** Signed by hand: the library would not make most of these. */
  async function forge({ secret, kid, alg, exp, aud, scope, sub }: Forged): Promise<string> {
    const claims = { scope, sub, iat: NOW / 1000, aud, exp: exp && times[exp] }
    if (alg === 'none') return new UnsecuredJWT(claims as never).encode()
    const payload = new TextEncoder().encode(JSON.stringify(claims))
    const wide = new Uint8Array(64)
    wide.set(secret)
    return new CompactSign(payload)
      .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
      .sign(alg === 'HS256' ? secret : wide)
  }

  const isRight = ({ secret, kid, alg, exp, aud, scope, sub }: Forged): boolean =>
    alg === 'HS256' &&
    ((kid === 'current' && secret === CURRENT.secret) ||
      (kid === 'old' && secret === OLD.secret)) &&
    exp === 'later' &&
    aud === 'knowledge-stack' &&
    ((scope === 'creator' && sub === 'alice') ||
      ((scope === 'service' || scope === 'monitor') && sub === undefined))

  it('just the right ones get through', async () => {
    let through = 0
    let all = 0
    for (const forged of everyPairing()) {
      if (changesOf(forged) > CHANGES) continue
      all += 1
      const read = await readToken(KEYS, await forge(forged), NOW).catch(error => error)
      const isThrough = !(read instanceof Error)
      if (isThrough) through += 1
      else expect(read).toBeInstanceOf(TokenRefused)
      if (isThrough !== isRight(forged)) expect.fail(`${JSON.stringify(forged)} → ${isThrough}`)
    }
    expect(all).toBe(ALL)
    expect(through).toBe(6)
  })

  const changesOf = (forged: Forged): number =>
    Object.entries(CHOICES).filter(([name, [real]]) => forged[name as keyof Forged] !== real).length

  function* everyPairing(): Generator<Forged> {
    let pairings: object[] = [{}]
    for (const [choice, values] of Object.entries(CHOICES)) {
      pairings = pairings.flatMap(pairing => values.map(value => ({ ...pairing, [choice]: value })))
    }
    yield* pairings as Forged[]
  }
})

describe('a token by other means', () => {
  const good = (header: object) => undated(header).setIssuedAt(NOW / 1000)
  const undated = (header: object) =>
    new SignJWT({ scope: 'creator' })
      .setSubject('alice')
      .setAudience('knowledge-stack')
      .setExpirationTime(NOW / 1000 + 60)
      .setProtectedHeader({ alg: 'HS256', kid: 'current', ...header })

  it('is refused when it brings its own key along', async () => {
    const k = Buffer.from(FOREIGN.secret).toString('base64url')
    await refused(await good({ jwk: { kty: 'oct', k } as never }).sign(FOREIGN.secret))
  })

  it('is refused when its key is named as a path, an address or a list', async () => {
    for (const kid of ['../../dev/null', 'http://127.0.0.1/key', ['current'], { $ne: '' }, null]) {
      await refused(await good({ kid: kid as string }).sign(CURRENT.secret))
    }
  })

  it('is refused when it is not valid', async () => {
    for (const text of ['', '.', '..', 'a.b.c', 'null', '{}', 'x'.repeat(10_000)])
      await refused(text)
  })

  it('is refused when it does not say when it was made, for then nothing could revoke it', async () => {
    await refused(await undated({}).sign(CURRENT.secret))
    expect(await readToken(KEYS, await good({}).sign(CURRENT.secret), NOW)).toBeDefined()
  })

  it('is refused when it is not to be used yet', async () => {
    const token = good({})
    token.setNotBefore(NOW / 1000 + 30)
    await refused(await token.sign(CURRENT.secret))
  })
})
