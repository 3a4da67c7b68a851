import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  access,
  chmod,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WATCHDOG_FILE } from '../../../infra/servers/chroma-watchdog.ts'
import { MiB } from '../../../infra/units.ts'

/** Says that it runs, and ends when it is told to. */
const SERVER = `echo started >>"$STARTS"
trap 'exit 0' TERM
while :; do sleep 0.05; done`
const PLENTY = 1_000_000

describe('the watchdog of a Chroma server', () => {
  let folder: string
  let watchdog: ChildProcess
  let ended: Promise<unknown>
  const path = (name: string) => join(folder, name)

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'watchdog-'))
    // A disk whose name has blanks, as macOS has them.
    await writeFile(
      path('df'),
      `#!/bin/sh\necho >>'${path('looks')}'\nprintf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\nmap auto home 2000000 5 %s 50%% /da ta\\n' "$(cat '${path('free')}')"\n`,
    )
    await chmod(path('df'), 0o755)
    await free(PLENTY)
  })
  afterEach(async () => {
    watchdog.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true })
  })

  /** At once: half a number would be another one. */
  async function free(kib: number): Promise<void> {
    await writeFile(path('next'), `${kib}`)
    await rename(path('next'), path('free'))
  }
  const linesOf = async (name: string) =>
    (await readFile(path(name), 'utf8').catch(() => '')).split('\n').length - 1
  const starts = () => linesOf('starts')
  /** The watchdog has looked at the disk as it is now: one look may have been under way. */
  async function looked(): Promise<void> {
    const before = await linesOf('looks')
    await vi.waitFor(async () => expect(await linesOf('looks')).toBeGreaterThan(before + 1), {
      timeout: 20_000,
      interval: 20,
    })
  }
  const mayWrite = () =>
    access(path('room')).then(
      () => true,
      () => false,
    )
  function run(server = SERVER) {
    watchdog = spawn('/bin/sh', [WATCHDOG_FILE, folder, '/bin/sh', '-c', server], {
      env: {
        PATH: `${folder}:${process.env.PATH}`,
        STARTS: path('starts'),
        KNOWLEDGE_ROOM_FILE: path('room'),
        KNOWLEDGE_WATCH_EVERY: '0.1',
      },
      stdio: 'ignore',
    })
    ended = once(watchdog, 'exit')
    return ended
  }
  const until = (what: () => Promise<unknown>, value: unknown) =>
    vi.waitFor(async () => expect(await what()).toBe(value), { timeout: 20_000, interval: 20 })

  it('lets nothing be written to a disk that has little room, and the server run on', async () => {
    run()
    await until(starts, 1)
    await until(mayWrite, true)
    await free(200_000)
    await until(mayWrite, false)
    await free(PLENTY)
    await until(mayWrite, true)
    await sleep(300)
    expect(await starts()).toBe(1)
  })

  it('starts a server that met a full disk again when there is room, and lets nothing be written before', async () => {
    run()
    await until(starts, 1)
    await until(mayWrite, true)
    await free(200_000)
    await until(mayWrite, false)
    // Whoever starts the server says so too, when the watch has not looked yet and takes it for one that writes.
    await looked()
    await free(0)
    await looked()
    await free(100_000)
    await looked()
    expect(await starts()).toBe(1)
    await free(PLENTY)
    await vi.waitFor(async () => expect(await mayWrite()).toBe(true), { timeout: 20_000 })
    await until(starts, 2)
  })

  it('starts a server under whose writes the disk filled again at once, with the room that was kept for it', async () => {
    const isKept = () =>
      stat(path('reserve')).then(
        ({ size }) => size === 16 * MiB,
        () => false,
      )
    run()
    await until(starts, 1)
    await until(isKept, true)
    await free(0)
    await until(starts, 2)
    expect([await mayWrite(), await isKept()]).toEqual([false, false])
    await free(PLENTY)
    await until(isKept, true)
    await until(mayWrite, true)
    expect(await starts()).toBe(3)
  })

  it('starts a server again one of whose transactions never ends', async () => {
    const journal = path('chroma.sqlite3-journal')
    await writeFile(journal, '')
    run()
    await until(starts, 1)
    await sleep(300)
    expect(await starts()).toBe(1)
    const old = Date.now() / 1000 - 300
    await utimes(journal, old, old)
    await until(starts, 2)
  })

  it('asks nothing of a disk that does not say how much is free', async () => {
    await writeFile(path('df'), '#!/bin/sh\nexit 1\n')
    run()
    await until(starts, 1)
    await until(mayWrite, true)
    await sleep(300)
    expect([await mayWrite(), await starts()]).toEqual([true, 1])
  })

  it('starts a server again of which it is told that it met a full disk', async () => {
    run()
    await until(starts, 1)
    await until(mayWrite, true)
    await rm(path('room.sound'))
    await until(starts, 2)
    await until(mayWrite, true)
  })

  it('starts a server that ended on a full disk again when there is room', async () => {
    await free(0)
    run(`echo tried >>"$STARTS"; [ "$(cat '${path('free')}')" -gt 0 ] || exit 1\n${SERVER}`)
    await until(starts, 1)
    await sleep(300)
    expect([await starts(), watchdog.exitCode]).toEqual([1, null])
    await free(PLENTY)
    // Once more where the watchdog saw the full disk too, before the server ended.
    await vi.waitFor(async () => expect(await starts()).toBeGreaterThanOrEqual(3), 20_000)
  })

  it('ends as the server ends, and ends it when it is told to', async () => {
    expect(await run('exit 7')).toEqual([7, null])
    run()
    await until(starts, 1)
    watchdog.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})
