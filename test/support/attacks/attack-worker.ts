import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { readKeyFile } from '../../../checks/api/auth/keys.ts'
import { minutes } from '../../../infra/units.ts'
import type { DistantTarget } from './attack-elsewhere.ts'
import { ATTACKS } from './attacks.ts'

const { name, target } = workerData as { name: string; target: DistantTarget }
const keys = await readKeyFile(target.keyFile)
const attack = ATTACKS.find(candidate => candidate.name === name)!
const running = await attack.start({
  ...target,
  tokenFor: creator => makeToken(keys, { scope: 'creator', creator }, minutes(60)),
})
parentPort!.postMessage('started')
await once(parentPort!, 'message')
await running.stop()
parentPort!.close()
