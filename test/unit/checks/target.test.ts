import { describe, expect, it } from 'vitest'
import { readEnvironment } from '../../../checks/outputs-source.ts'
import { Outputs } from '../../../infra/outputs.ts'

const URLS = { CHROMADB_URL: 'http://chroma:8000', OLLAMA_URL: 'http://ollama:11434' }

describe('a deployment read from the environment', () => {
  it('is none when no URL is set', () => {
    expect(readEnvironment({ EMBEDDING_MODEL: 'all-minilm', CHROMA_SHARD_COUNT: '7' })).toBe(
      undefined,
    )
  })

  it('has the defaults of the brief, and the catalog says what its models are like', () => {
    const outputs = readEnvironment(URLS)!
    expect(Outputs.parse(outputs)).toEqual(outputs)
    expect(outputs.chroma).toMatchObject({ shards: 10, maxConnections: 10, generation: 1 })
    expect(outputs.models).toEqual([
      {
        role: 'embedding',
        name: 'nomic-embed-text:latest',
        serves: 'nomic-embed-text:latest',
        pool: 'default',
        contextLength: 2048,
        dimensions: 768,
        prefixes: { document: 'search_document: ', query: 'search_query: ' },
      },
      { role: 'chat', name: 'gpt-oss:20b', serves: 'gpt-oss:20b', pool: 'default' },
    ])
  })

  it('spreads the shards over the listed instances, in their order', () => {
    const { chroma } = readEnvironment({
      ...URLS,
      CHROMADB_URL: 'http://a:1, http://b:2',
      CHROMA_SHARD_COUNT: '5',
      CHROMA_MAX_CONNECTIONS_PER_INSTANCE: '3',
    })!
    expect(chroma).toEqual({
      instances: [
        { reach: { kind: 'direct', url: 'http://a:1' } },
        { reach: { kind: 'direct', url: 'http://b:2' } },
      ],
      maxConnections: 3,
      generation: 1,
      shards: 5,
      shardMap: [0, 1, 0, 1, 0],
    })
  })

  it('goes with tokens where the servers stand behind auth proxies', () => {
    const { chroma, ollama } = readEnvironment({
      ...URLS,
      CHROMADB_TOKEN: 'c',
      OLLAMA_TOKEN: 'o',
    })!
    expect(chroma.instances[0].reach).toEqual({
      kind: 'direct',
      url: URLS.CHROMADB_URL,
      token: 'c',
    })
    expect(ollama[0].reach).toEqual({ kind: 'direct', url: URLS.OLLAMA_URL, token: 'o' })
  })

  it('has two pools when embedding and chat are served apart', () => {
    const { ollama, models } = readEnvironment({ ...URLS, CHAT_OLLAMA_URL: 'http://gpu:11434' })!
    expect(ollama.map(({ pool, reach }) => [pool, reach.url])).toEqual([
      ['embedding', 'http://ollama:11434'],
      ['chat', 'http://gpu:11434'],
    ])
    expect(models.map(({ pool }) => pool)).toEqual(['embedding', 'chat'])
  })

  it('takes a model that the catalog does not know, without saying how long its vectors are', () => {
    const { models } = readEnvironment({ ...URLS, EMBEDDING_MODEL: 'my-own:1b' })!
    expect(models[0]).toEqual({
      role: 'embedding',
      name: 'my-own:1b',
      serves: 'my-own:1b',
      pool: 'default',
    })
  })

  it.each([
    ['CHROMADB_URL', { OLLAMA_URL: URLS.OLLAMA_URL }, '""'],
    ['OLLAMA_URL', { CHROMADB_URL: URLS.CHROMADB_URL }, '""'],
    ['CHROMADB_URL', { ...URLS, CHROMADB_URL: 'chroma:8000' }, '"chroma:8000"'],
    ['CHROMADB_URL', { ...URLS, CHROMADB_URL: 'http://a,,http://b' }, '""'],
    ['CHAT_OLLAMA_URL', { ...URLS, CHAT_OLLAMA_URL: 'ftp://x' }, '"ftp://x"'],
    ['OLLAMA_URL', { ...URLS, OLLAMA_URL: 'http://me:secret@x' }, '"http://me:secret@x"'],
    ['CHROMA_SHARD_COUNT', { ...URLS, CHROMA_SHARD_COUNT: '4' }, '"4"'],
    ['CHROMA_SHARD_COUNT', { ...URLS, CHROMA_SHARD_COUNT: '51' }, '"51"'],
    ['CHROMA_SHARD_COUNT', { ...URLS, CHROMA_SHARD_COUNT: '7.5' }, '"7.5"'],
    [
      'CHROMA_MAX_CONNECTIONS_PER_INSTANCE',
      { ...URLS, CHROMA_MAX_CONNECTIONS_PER_INSTANCE: '0' },
      '"0"',
    ],
    ['EMBEDDING_MODEL', { ...URLS, EMBEDDING_MODEL: 'smollm2:135m' }, '"smollm2:135m"'],
    ['CHAT_MODEL', { ...URLS, CHAT_MODEL: 'all-minilm' }, '"all-minilm:latest"'],
  ])('is refused, naming %s, with %j', (variable, env, value) => {
    expect(() => readEnvironment(env)).toThrow(`${variable} is ${value}; allowed is `)
  })
})
