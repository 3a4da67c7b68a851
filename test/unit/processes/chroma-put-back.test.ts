import { spawnSync } from 'node:child_process'
import { hash, randomUUID } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { extract } from 'tar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { workOnCopy } from '../../../checks/chroma-files/data-copy.ts'
import { COPY_FOLDER, WATCHDOG_FILE } from '../../../infra/servers/chroma-watchdog.ts'

const BEFORE = '1.5.8'
const NEWER = '1.5.9'
/** More calls of `rm` and `mv` than there are in putting a copy back. */
const CALLS = 16

describe('the copy of a Chroma server’s data', () => {
  let folder: string
  let data: string
  let bin: string
  const [kept, made, gone] = [randomUUID(), randomUUID(), randomUUID()]
  const id = randomUUID()

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'put-back-'))
    data = join(folder, 'data')
    bin = join(folder, 'bin')
    await mkdir(bin)
    await mkdir(data)
    const database = new DatabaseSync(join(data, 'chroma.sqlite3'))
    database.exec('CREATE TABLE migrations (filename TEXT)')
    database.exec("INSERT INTO migrations VALUES ('00003-full-text-tokenize.sqlite.sql')")
    database.exec("INSERT INTO migrations VALUES ('00005-max-seq-id-int.sqlite.sql')")
    database.close()
    for (const index of [kept, gone]) await addIndex(index, `of ${index}`)
    await mkdir(join(data, 'lost+found'))
    // Somebody's own, by names like Chroma's.
    await writeFile(join(data, 'chroma.sqlite3.bak'), 'mine')
    await addIndex('my-notes-of-the-day', 'mine')
    await writeFile(join(data, 'reserve'), 'room')
  })
  afterEach(() => rm(folder, { recursive: true }))

  async function addIndex(name: string, content: string): Promise<void> {
    await mkdir(join(data, name), { recursive: true })
    await writeFile(join(data, name, 'header.bin'), content)
  }

  /** What another version makes of it. */
  async function spoil(): Promise<void> {
    await writeFile(join(data, 'chroma.sqlite3'), 'no database')
    await writeFile(join(data, 'chroma.sqlite3-journal'), 'no journal')
    await rm(join(data, gone), { recursive: true })
    await addIndex(kept, 'other')
    await addIndex(made, 'new')
  }

  async function contents(): Promise<Record<string, string>> {
    const entries = await readdir(data, { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile())
    return Object.fromEntries(
      await Promise.all(
        files.map(async ({ parentPath, name }) => {
          const path = join(parentPath, name)
          const content = name === 'chroma.sqlite3' ? contentOf(path) : await readFile(path)
          return [path.slice(data.length + 1), hash('sha256', content)]
        }),
      ),
    )
  }

  /** SQLite counts in the file how often it was written: what is in it is compared. */
  function contentOf(path: string): string {
    const database = new DatabaseSync(path, { readOnly: true })
    try {
      return JSON.stringify(database.prepare('SELECT * FROM migrations').all())
    } catch (error) {
      return String(error)
    } finally {
      database.close()
    }
  }

  /** Starts a server that ends at once. @param killed at which call of `rm` or `mv` the watchdog is killed */
  async function start(server: string, killed = 0) {
    await writeFile(join(folder, 'calls'), '')
    for (const name of ['rm', 'mv']) {
      const count = `echo >>'${folder}/calls'; [ $(wc -l <'${folder}/calls') -ne ${killed} ] || { kill -KILL $PPID; exit 1; }`
      await writeFile(join(bin, name), `#!/bin/sh\n${count}\nexec /bin/${name} "$@"\n`)
      await chmod(join(bin, name), 0o755)
    }
    return spawnSync('/bin/sh', [WATCHDOG_FILE, data, 'true'], {
      encoding: 'utf8',
      timeout: 20_000,
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        KNOWLEDGE_ROOM_FILE: join(folder, 'room'),
        KNOWLEDGE_CHROMA_SERVER: server,
        KNOWLEDGE_CHROMA_RESERVE: '1',
        KNOWLEDGE_CHROMA_FULL: '1',
      },
    })
  }

  it('is whole, is made once for an upgrade, and goes without a trace', async () => {
    const before = await contents()
    const copy = await workOnCopy(data, { do: 'make', id })
    const bytes = await readdir(join(data, COPY_FOLDER, 'data'))
    expect(bytes.sort()).toEqual(['chroma.sqlite3', kept, gone].sort())
    await spoil()
    expect(await workOnCopy(data, { do: 'make', id })).toEqual(copy)
    await workOnCopy(data, { do: 'remove' })
    expect(await readdir(data)).not.toContain(COPY_FOLDER)
    expect(before['chroma.sqlite3']).toBeDefined()
  })

  it('takes the place of the data at the start of the server of before, and of no other', async () => {
    const before = await contents()
    await workOnCopy(data, { do: 'make', id })
    await spoil()
    await workOnCopy(data, { do: 'put-back', id, server: BEFORE })
    const spoilt = await contents()
    expect((await start(NEWER)).status).toBe(0)
    expect(await contents()).toEqual(spoilt)
    expect((await start(BEFORE)).stdout).toContain('takes its place again')
    expect(await contents()).toEqual(before)
    expect(await readdir(data)).toContain('lost+found')
  })

  it('is not put back where it is of another upgrade', async () => {
    await workOnCopy(data, { do: 'make', id })
    const request = { do: 'put-back' as const, id: randomUUID(), server: BEFORE }
    expect(await workOnCopy(data, request)).toBeUndefined()
    await spoil()
    const spoilt = await contents()
    await start(BEFORE)
    expect(await contents()).toEqual(spoilt)
  })

  it('is put back whole at whichever moment the watchdog is killed', async () => {
    const before = await contents()
    const prepared = join(folder, 'prepared')
    await workOnCopy(data, { do: 'make', id })
    await spoil()
    await workOnCopy(data, { do: 'put-back', id, server: BEFORE })
    await cp(data, prepared, { recursive: true })
    let kills = 0
    for (let call = 1; call <= CALLS; call += 1) {
      await rm(data, { recursive: true })
      await cp(prepared, data, { recursive: true })
      kills += (await start(BEFORE, call)).signal === 'SIGKILL' ? 1 : 0
      await start(BEFORE)
      // What is left of the copy is none, and goes with the end of the upgrade.
      const after = Object.entries(await contents())
      const there = after.filter(([name]) => !name.startsWith(COPY_FOLDER))
      expect({ call, ...Object.fromEntries(there) }).toEqual({ call, ...before })
      expect(after.map(([name]) => name)).not.toContain(`${COPY_FOLDER}/put-back`)
    }
    expect(kills).toBeGreaterThan(5)
  })

  it('is not begun for a database that is damaged', async () => {
    await writeFile(join(data, 'chroma.sqlite3'), Buffer.alloc(8192, 'x'))
    await expect(workOnCopy(data, { do: 'make', id })).rejects.toThrow()
  })

  it.each(['0.4.15', '0.5.23'])(
    'a folder of Chroma %s is left as it is: nothing is started there, and it is told what to do',
    async version => {
      await rm(data, { recursive: true })
      await mkdir(data)
      const file = join(import.meta.dirname, `../../support/chroma-0/chroma-${version}.tar.gz`)
      await extract({ file, cwd: data })
      const before = await contents()
      const database = await readFile(join(data, 'chroma.sqlite3'))
      const { status, stderr } = await start(NEWER)
      expect({ status, stderr }).toMatchObject({ status: 65 })
      expect(stderr).toContain('has data of Chroma 0.4 to 0.6')
      expect(await contents()).toEqual(before)
      expect(database.equals(await readFile(join(data, 'chroma.sqlite3')))).toBe(true)
    },
  )
})
