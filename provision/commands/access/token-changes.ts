import { makeToken } from '../../../checks/api/auth/api-token.ts'
import type { Grant } from '../../../checks/api/auth/grant.ts'
import {
  readKeyFile,
  replaceKeyFile,
  revokeInKeyFile,
  rotateKeyFile,
} from '../../../checks/api/auth/keys.ts'
import { Failure } from '../../../infra/failure.ts'
import { apiKeysOf, tokensOf } from '../../../infra/settings/home-paths.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { type Millis, minutes } from '../../../infra/units.ts'
import { replaceTokens } from '../../stack-secrets.ts'
import type { Proof } from './change-secrets.ts'

/** How a stack's keys and tokens can be changed. */
export interface TokenChange {
  revoke?: boolean
  all?: boolean
  rotate?: boolean
  servers?: boolean
}

interface Change {
  /** The command, for those who find the stack locked. */
  purpose: string
  /** What was done, for people. */
  done: string
  /** Changes the files. @returns how an API is seen to know it */
  make(): Promise<Proof[]>
}

/** Of the tokens that prove a change: longer than any deployment takes. */
const PROOF: Millis = minutes(24 * 60)
const METRICS = '/metrics'
const HEALTH = ['/api/v1/ai/chromadb/health', '/api/v1/ai/ollama/health']

/**
 * The change that options ask for; undefined where they ask for none.
 * @param grant whose tokens are to end
 * @throws Failure `misused` for options that do not go together
 */
export function changeOf(
  { revoke, all, rotate, servers }: TokenChange,
  { home, target }: Settings,
  grant: Grant | undefined,
): Change | undefined {
  const keys = apiKeysOf(home)
  if (revoke && rotate) {
    throw new Failure('misused', 'Either --revoke or --rotate; --revoke --all does both')
  }
  if (all && !revoke) throw goesWith('--all', 'npm run token -- --revoke --all')
  if (servers && !rotate) throw goesWith('--servers', 'npm run token -- --rotate --servers')
  if (revoke) {
    if ((grant === undefined) !== (all === true)) {
      throw new Failure('misused', 'Whose tokens are to end is to be said, once', {
        mend: 'npm run token -- --revoke --creator <id>, or --service, --monitor or --all',
      })
    }
    return grant === undefined ? endAll(keys) : endThoseOf(keys, grant)
  }
  if (!rotate) return undefined
  if (!servers) return rotateKey(keys)
  if (target !== 'local') return rotateServers(tokensOf(home))
  throw new Failure('misused', 'Chroma and Ollama of the target local take no tokens', {
    mend: 'the targets docker and kubernetes have auth proxies before them',
  })
}

const goesWith = (flag: string, line: string) =>
  new Failure('misused', `${flag} does nothing by itself`, { mend: line })

const endAll = (keys: string): Change => ({
  purpose: 'token --revoke --all',
  done: 'All tokens that were made until now are void, and new ones are signed with a new key',
  async make() {
    const before = await proofToken(keys)
    await replaceKeyFile(keys)
    return [
      { path: METRICS, token: before, status: 401 },
      { path: METRICS, token: await proofToken(keys), status: 200 },
    ]
  },
})

const endThoseOf = (keys: string, grant: Grant): Change => ({
  purpose: 'token --revoke',
  done: `The tokens of ${grant.scope === 'creator' ? `the creator ${grant.creator}` : `the scope ${grant.scope}`} that were made until now are void`,
  async make() {
    const before = await makeToken(await readKeyFile(keys), grant, PROOF)
    await revokeInKeyFile(keys, grant)
    const path =
      grant.scope === 'creator'
        ? `/api/v1/creators/${encodeURIComponent(grant.creator)}/documents?limit=1`
        : METRICS
    return [{ path, token: before, status: 401 }]
  },
})

const rotateKey = (keys: string): Change => ({
  purpose: 'token --rotate',
  done: 'Tokens are signed with a new key; those that were made until now stay valid until they end',
  async make() {
    await rotateKeyFile(keys)
    return [{ path: METRICS, token: await proofToken(keys), status: 200 }]
  },
})

const rotateServers = (tokens: string): Change => ({
  purpose: 'token --rotate --servers',
  done: 'The auth proxies of Chroma and Ollama take new tokens, and the old ones no more',
  async make() {
    await replaceTokens(tokens)
    return HEALTH.map(path => ({ path, status: 200 }))
  },
})

const proofToken = async (keys: string): Promise<string> =>
  makeToken(await readKeyFile(keys), { scope: 'monitor' }, PROOF)
