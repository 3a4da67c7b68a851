import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { boundLogs, openLog } from '../../../checks/api/log-rotation.ts'
import { filesOfLog, LOG_FILES, LOG_SIZE } from '../../../infra/local/log-bounds.ts'

const EVERY = 20
const GROWN = LOG_SIZE + 1

let folder: string
let log: string
let problems: string[]
let leave: () => Promise<void>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'logs-'))
  log = join(folder, 'server.log')
  problems = []
  leave = async () => {}
})
afterEach(async () => {
  await leave()
  await rm(folder, { recursive: true })
})

const bound = () => {
  leave = boundLogs([log], text => problems.push(text), EVERY)
}
const sizeOf = async (file: string) => (await stat(file)).size
const becomesEmpty = () => expect.poll(() => sizeOf(log), { timeout: 5000 }).toBe(0)
/** A sparse file, with words at its end. */
async function grow(size: number, end = ''): Promise<void> {
  await writeFile(log, '')
  await truncate(log, size)
  await appendFile(log, end)
}

describe('the log of a server that runs', () => {
  it('is set aside when it has outgrown, and not before', async () => {
    await grow(LOG_SIZE)
    bound()
    await new Promise(resolve => setTimeout(resolve, 5 * EVERY))
    expect(await sizeOf(log)).toBe(LOG_SIZE)
    await appendFile(log, 'the last words')
    await becomesEmpty()
    expect((await readFile(`${log}.1`)).toString('utf8', LOG_SIZE)).toBe('the last words')
    expect((await stat(`${log}.1`)).mode & 0o777).toBe(0o600)
    expect(problems).toEqual([])
  })

  it('has a fixed number of files, the newest first', async () => {
    bound()
    for (const end of ['first', 'second', 'third', 'fourth']) {
      await grow(GROWN, end)
      await becomesEmpty()
    }
    expect((await readdir(folder)).sort()).toEqual(['server.log', 'server.log.1', 'server.log.2'])
    expect(filesOfLog(log)).toHaveLength(LOG_FILES)
    const kept = await Promise.all([1, 2].map(index => readFile(`${log}.${index}`)))
    expect(kept.map(text => text.toString('utf8', GROWN))).toEqual(['fourth', 'third'])
  })

  it('leaves its end, and no more than a bound, when it has outgrown by far', async () => {
    await grow(1000 * LOG_SIZE, 'the last words')
    bound()
    await becomesEmpty()
    expect(await sizeOf(`${log}.1`)).toBe(2 * LOG_SIZE)
    expect((await readFile(`${log}.1`)).toString('utf8', 2 * LOG_SIZE - 14)).toBe('the last words')
  })

  it('goes on in the same file, and loses next to nothing of a server that writes meanwhile', async () => {
    const output = await openLog(log)
    const script = `
      const line = 'x'.repeat(1000)
      let number = 0
      const write = () => {
        for (let many = 0; many < 100; many += 1) require('fs').writeSync(1, number++ + ' ' + line + '\\n')
        if (number < 12000) setTimeout(write, 1)
      }
      write()`
    const server = spawn(process.execPath, ['-e', script], {
      stdio: ['ignore', output.fd, 'inherit'],
    })
    await output.close()
    bound()
    await once(server, 'exit')
    await expect.poll(() => sizeOf(`${log}.1`).catch(() => 0)).toBeGreaterThan(LOG_SIZE)
    const text = (await readFile(`${log}.1`, 'utf8')) + (await readFile(log, 'utf8'))
    const numbers = text
      .split('\n')
      .slice(0, -1)
      .map(line => Number(line.split(' ')[0]))
    // What comes between the last look and the cut is lost, at 40 MB a second here; nothing is torn or twice there.
    expect(numbers.length).toBeGreaterThan(11_900)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  })
  it('is not followed where a link is in its place, and nor are older ones', async () => {
    const strangers = join(folder, 'strangers')
    await writeFile(strangers, '')
    await truncate(strangers, GROWN)
    await symlink(strangers, log)
    bound()
    await new Promise(resolve => setTimeout(resolve, 5 * EVERY))
    await rm(log)
    await symlink(strangers, `${log}.new`)
    await symlink(strangers, `${log}.1`)
    await grow(GROWN + 1)
    await becomesEmpty()
    expect(await sizeOf(strangers)).toBe(GROWN)
    expect(await sizeOf(`${log}.1`)).toBe(GROWN + 1)
  })

  it('that cannot be set aside is told once, and stays', async () => {
    await grow(GROWN)
    await mkdir(join(`${log}.2`, 'in the way'), { recursive: true })
    await writeFile(`${log}.1`, '')
    bound()
    await expect.poll(() => problems.length).toBe(1)
    await new Promise(resolve => setTimeout(resolve, 5 * EVERY))
    expect(problems).toEqual([expect.stringMatching(/server\.log: .*EISDIR/)])
    expect(await sizeOf(log)).toBe(GROWN)
  })
})

describe('the log of a server that starts', () => {
  it('begins anew, beside that of the one before it', async () => {
    await writeFile(log, 'before')
    const opened = await openLog(log)
    await opened.writeFile('now')
    await opened.close()
    expect(await readFile(log, 'utf8')).toBe('now')
    expect(await readFile(`${log}.1`, 'utf8')).toBe('before')
    expect((await stat(log)).mode & 0o777).toBe(0o600)
  })

  it('does not take over one that outgrew while nobody looked', async () => {
    await grow(3 * LOG_SIZE)
    await (await openLog(log)).close()
    expect(await sizeOf(log)).toBe(0)
    expect(await sizeOf(`${log}.1`)).toBe(2 * LOG_SIZE)
  })

  it('is not written through a link to a file that is not the stack’s', async () => {
    const strangers = join(folder, 'strangers')
    await writeFile(strangers, 'theirs')
    await symlink(strangers, log)
    const opened = await openLog(log)
    await opened.writeFile('now')
    await opened.close()
    expect(await readFile(strangers, 'utf8')).toBe('theirs')
    expect(await readFile(log, 'utf8')).toBe('now')
  })
})
