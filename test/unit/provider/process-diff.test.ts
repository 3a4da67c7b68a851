import { expect, it } from 'vitest'
import { KnowledgeProvider } from '../../../provision/provider/provider.ts'

const URN = 'urn:pulumi:dev::knowledge-stack::knowledge:index:Process::dev-ollama'
const ARGS = { name: 'ollama', program: 'ollama', port: 11_434, arguments: ['serve'] }
const RESULTS = { pid: 7, identity: 'i', version: '0.17.4' }

const diff = (olds: object, news: object) =>
  new KnowledgeProvider(() => undefined).diff('id', URN, { ...ARGS, ...olds }, { ...ARGS, ...news })

it('an Ollama that an earlier version of this project started goes on running', async () => {
  expect(await diff(RESULTS, { toolVersion: '0.17.4' })).toMatchObject({ changes: false })
})

it('an Ollama of another version than the settings name is replaced', async () => {
  const news = { toolVersion: '0.32.15' }
  const expected = { changes: true, replaces: ['toolVersion'] }
  expect(await diff(RESULTS, news)).toMatchObject(expected)
  expect(await diff({ ...RESULTS, toolVersion: '0.17.4' }, news)).toMatchObject(expected)
})
