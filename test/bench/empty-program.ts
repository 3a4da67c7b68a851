import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { realTools } from '../support/toolchain/toolchain.ts'

/** A Pulumi program that deploys nothing, for the time that the engine itself takes. */
export async function emptyProgram() {
  const folder = await mkdtemp(join(tmpdir(), 'empty-program-'))
  await mkdir(join(folder, 'state'))
  await symlink(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'))
  const runtime = 'runtime:\n  name: nodejs\n  options:\n    typescript: false\n'
  await writeFile(join(folder, 'Pulumi.yaml'), `name: empty\nmain: index.ts\n${runtime}`)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'index.ts'), "import '@pulumi/pulumi'\n")
  const { pulumi } = await realTools()
  const run = async (...args: string[]) => {
    const started = performance.now()
    const [program, ...before] = pulumi.command as [string, ...string[]]
    const child = spawn(program, [...before, ...args, '--non-interactive', '--stack', 'bench'], {
      cwd: folder,
      stdio: 'ignore',
      env: {
        ...process.env,
        PATH: [...pulumi.binFolders, dirname(process.execPath), process.env.PATH].join(':'),
        PULUMI_BACKEND_URL: `file://${folder}/state`,
        PULUMI_CONFIG_PASSPHRASE: 'empty',
        PULUMI_SKIP_UPDATE_CHECK: 'true',
      },
    })
    const code = await new Promise(resolve => child.on('close', resolve))
    if (code !== 0) throw new Error(`pulumi ${args.join(' ')} ended with ${code}`)
    return performance.now() - started
  }
  await run('stack', 'init')
  await run('up', '--yes', '--skip-preview')
  return {
    /** Milliseconds of an update that changes nothing. */
    up: () => run('up', '--yes', '--skip-preview'),
    end: () => rm(folder, { recursive: true, force: true }),
  }
}
