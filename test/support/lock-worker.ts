import { mkdir, rmdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { withLock } from '../../provision/lock.mjs'

/**
 * A process for the tests of the lock: takes it `times` times and each time, alone or not, makes and removes
 * the folder `room`. Making it fails (exit 1) when another one is inside. `hold` stays inside until killed.
 */
const [file = '', room = '', times = '1', mode = 'leave'] = process.argv.slice(2)
const { signal } = new AbortController()
const onWait = (holder: { pid: number; purpose: string }) =>
  console.log(`waits for ${holder.pid}, which ${holder.purpose}`)

for (let turn = 0; turn < Number(times); turn += 1) {
  await withLock(file, { purpose: 'tests the lock', onWait, signal }, async () => {
    await mkdir(room)
    if (mode === 'hold') console.log('inside')
    await sleep(mode === 'hold' ? 2 ** 30 : 2)
    await rmdir(room)
  })
}
