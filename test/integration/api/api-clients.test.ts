import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import { TestApi } from '../../support/api/api.ts'
import { startTinyDeployment, type TinyDeployment } from '../../support/store/tiny-deployment.ts'
import { runPython, whyNoPython } from '../../support/toolchain/python.ts'

const GENERATOR = ['openapi-python-client==0.29.1']
const WHY_NO_PYTHON = await whyNoPython()
const EXAMPLES = join(PROJECT_ROOT, 'examples')
const FOUND = /^welcome [\d.e-]+ Ada writes about engines that weave numbers\.$/m

describe('a client that is generated from the OpenAPI document', () => {
  let tiny: TinyDeployment
  let api: TestApi
  let folder: string
  let env: NodeJS.ProcessEnv
  const signal = AbortSignal.timeout(600_000)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clients-'))
    tiny = await startTinyDeployment()
    api = await TestApi.start(tiny.outputs)
    env = { ...process.env, KNOWLEDGE_API: api.url, TOKEN: await api.tokenFor('ada') }
    const { body } = await api.call('GET', '/openapi.json')
    await writeFile(join(folder, 'openapi.json'), JSON.stringify(body))
  })
  afterAll(async () => {
    await api?.stop()
    await tiny?.stop()
    await rm(folder, { recursive: true })
  })

  it('by openapi-typescript takes the example of the README, as its types say and in earnest', async () => {
    const run = (...command: string[]) => runCommand(command, { env, cwd: folder, signal })
    await copyFile(join(EXAMPLES, 'find.ts'), join(folder, 'find.ts'))
    await symlink(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await run('openapi-typescript', 'openapi.json', '-o', 'knowledge-api.ts')
    const strict = ['--strict', '--noEmit', '--allowImportingTsExtensions', '--target', 'esnext']
    await run('tsc', ...strict, '--module', 'nodenext', '--types', 'node', 'find.ts')
    expect(await run(process.execPath, 'find.ts')).toMatch(FOUND)
  })

  it.skipIf(WHY_NO_PYTHON)(
    'by openapi-python-client is whole, and takes the example of the README',
    async () => {
      // What it would run afterwards only makes it prettier.
      await writeFile(join(folder, 'config.yaml'), 'post_hooks: []\n')
      const generate = ['generate', '--path', 'openapi.json', '--config', 'config.yaml']
      const strictly = ['-m', 'openapi_python_client', ...generate, '--fail-on-warning']
      await runPython(GENERATOR, strictly, folder)
      const program = await readFile(join(EXAMPLES, 'find.py'), 'utf8')
      const client = join(folder, 'knowledge-stack-client')
      expect(await runPython(GENERATOR, ['-c', program], client, env)).toMatch(FOUND)
    },
    600_000,
  )
})
