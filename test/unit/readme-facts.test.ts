import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EXIT_CODES } from '../../infra/failure.ts'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { SUPPORTED_CHROMA } from '../../infra/settings/chroma-version.ts'
import { SUPPORTED_OLLAMA } from '../../infra/settings/ollama-version.ts'
import { readStackFile } from '../../infra/settings/settings-file.ts'
import { Config } from '../../infra/settings/settings-schema.ts'
import { COMMANDS } from '../../provision/commands/all-commands.ts'
import { readDocument } from '../support/docs/readme.ts'
import { allRoutes } from '../support/docs/routes-table.ts'

const readme = (await readDocument('README.md')).replaceAll(/\s+/g, ' ')
const { engines, scripts } = JSON.parse(await readFile(join(PROJECT_ROOT, 'package.json'), 'utf8'))

/** The rows of the README's table whose head has a text, by what their first cell has in code marks. */
async function rowsOf(head: string): Promise<string[]> {
  const [, table = ''] = (await readDocument('README.md')).split(`| ${head} |`)
  const rows = /(?:^\|.*\n)+/m.exec(table.slice(table.indexOf('\n') + 1))?.[0] ?? ''
  const [, ...cells] = rows.split('\n').map(row => row.split('|')[1] ?? '')
  return cells.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
}

describe('the README', () => {
  it('says which Node it needs', () => {
    expect(readme).toContain(`Node ${engines.node.replace('>=', '≥ ')} and npm`)
  })

  it('has each command in its table, and no other', async () => {
    expect((await rowsOf('`npm run …`')).sort()).toEqual([...Object.keys(COMMANDS), 'bench'].sort())
    for (const name of await rowsOf('`npm run …`')) expect(scripts).toHaveProperty(name)
  })

  it('has only settings in its table that there are', async () => {
    const known = Object.keys(Config.shape)
    const named = await rowsOf('`knowledge-stack:…`')
    expect(named.length).toBeGreaterThan(10)
    for (const name of named) expect(known).toContain(name)
  })

  it('says which servers are supported, as an error does', () => {
    expect(readme).toContain(`Chroma ${SUPPORTED_CHROMA}, Ollama ${SUPPORTED_OLLAMA};`)
  })

  it('says what the exit codes are', () => {
    const { refused, misused, unavailable, interrupted } = EXIT_CODES
    expect(readme).toContain(
      `0 done and verified, ${refused} the verdict is no, ${misused} used or configured wrongly, ${unavailable} something could not be reached or checked, ${interrupted} interrupted`,
    )
  })

  it('says the ports of the stack dev, and which stacks there are', async () => {
    const { chromaPort, ollamaPort, apiPort } = Config.shape
    const ports = [chromaPort, ollamaPort, apiPort].map(port => port.parse(undefined))
    for (const port of ports) expect(readme).toContain(`http://127.0.0.1:${port}`)
    const targets = { dev: 'local', docker: 'docker', prod: 'kubernetes' }
    for (const [stack, target] of Object.entries(targets)) {
      expect((await readStackFile(stack)).settings.target).toBe(target)
    }
    expect(readme).toContain('`dev`, `docker` and `prod` are there')
  })

  it('names paths of the API that there are', async () => {
    const known = (await allRoutes()).map(({ url }) => url)
    const named = [...readme.matchAll(/localhost:8003(\/[^\s`]*)/g)].map(([, path]) => path!)
    const shown = ['/', '/openapi.json', '/metrics']
    for (const path of shown) expect(readme).toContain(`\`${path}\``)
    const isRoute = (path: string) =>
      known.some(url => RegExp(`^${url.replaceAll(/:\w+/g, '[^/]+')}/?$`).test(path))
    expect(named.length).toBeGreaterThan(4)
    expect([...named, ...shown].filter(path => !isRoute(path))).toEqual([])
  })
})
