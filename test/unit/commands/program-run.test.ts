import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'

const run = promisify(execFile)
const signal = new AbortController().signal

describe('a program', () => {
  let bin: string
  beforeEach(async () => {
    bin = await mkdtemp(join(tmpdir(), 'no-bash-'))
    await symlink(process.execPath, join(bin, 'node'))
  })
  afterEach(() => rm(bin, { recursive: true, force: true }))

  it('runs where PATH has no bash and no other shell, with its arguments as they are', async () => {
    const args = ["it's", '$HOME', 'a  b', '', 'Jürgen', '`id`', '\\']
    const script = `
      import { runCommand } from '${join(PROJECT_ROOT, 'provision/toolchain/run-command.ts')}'
      const argv = ['node', '-p', 'JSON.stringify(process.argv.slice(1))', '--', ...${JSON.stringify(args)}]
      const options = { env: process.env, signal: new AbortController().signal }
      process.stdout.write(await runCommand(argv, options))
    `
    const node = ['--input-type=module-typescript', '--eval', script]
    const { stdout } = await run(process.execPath, node, { env: { PATH: bin } })
    expect(JSON.parse(stdout)).toEqual(args)
  })

  it('that is not there is named', async () => {
    const running = runCommand(['no-such-program', '--version'], { env: { PATH: bin }, signal })
    await expect(running).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/^no-such-program --version: .*ENOENT/),
    })
  })
})
