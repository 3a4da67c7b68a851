import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { removeTornAttributes } from '../../../provision/pulumi/torn-attributes.ts'

let backend: string
beforeEach(async () => {
  backend = await mkdtemp(join(tmpdir(), 'backend-'))
})
afterEach(() => rm(backend, { recursive: true, force: true }))

describe('attributes of the state’s files', () => {
  it('go when they were written in part, and nothing else does', async () => {
    const stacks = join(backend, '.pulumi/stacks/knowledge-stack')
    await mkdir(stacks, { recursive: true })
    const files = {
      'dev.json': '',
      'dev.json.attrs': '',
      'dev.json.bak.attrs': '{"md5":',
      'other.json.attrs': '{"md5":"x"}',
    }
    for (const [name, text] of Object.entries(files)) await writeFile(join(stacks, name), text)
    await removeTornAttributes(backend)
    expect((await readdir(stacks)).toSorted()).toEqual(['dev.json', 'other.json.attrs'])
  })

  it('need not be there', async () => {
    await expect(removeTornAttributes(join(backend, 'none'))).resolves.toBeUndefined()
  })
})
