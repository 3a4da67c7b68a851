import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { norm, similarity } from '../../../checks/probe/vectors.ts'
import { startOllamaWithModels } from '../../support/models/models.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { type RunningOllama, startOllama } from '../../support/servers/ollama.ts'
import { CHAT_MODEL, EMBEDDING_MODEL, outputsOf } from '../../support/store/deployment.ts'
import { spawningOllama } from '../../support/toolchain/test-ollama.ts'

const question = (content: string) => [{ role: 'user', content }]
/** A model would talk for minutes about it. */
const LONG = question('Write a very long story about the sea.')

describe('inference', () => {
  let ollama: RunningOllama
  let deployment: ConnectedDeployment

  beforeAll(async () => {
    ollama = await startOllamaWithModels()
    deployment = await openDeployment(outputsOf({ ollama: ollama.url }))
  })
  afterAll(async () => {
    await deployment.close()
    await ollama.stop()
  })

  const loaded = async () =>
    (await deployment.inference.status()).filter(({ loaded }) => loaded).map(({ name }) => name)

  it('says of each model what is there, and loads, reloads and unloads it', async () => {
    const { inference } = deployment
    const embedding = inference.model('embedding')
    expect(await inference.status()).toMatchObject([
      { name: EMBEDDING_MODEL.name, present: true, loaded: undefined, asProvisioned: undefined },
      { name: CHAT_MODEL.name, present: true, loaded: undefined },
    ])
    await inference.load(embedding)
    const [status] = await inference.status()
    expect(status).toMatchObject({
      size: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      loaded: { contextLength: 512, processor: 'cpu', gpuMemory: 0 },
    })
    expect(status!.loaded!.memory).toBeGreaterThan(0)
    await inference.reload(embedding)
    expect(await loaded()).toEqual([EMBEDDING_MODEL.name])
    await inference.unload(embedding)
    expect(await loaded()).toEqual([])
    // What is not in memory can be unloaded all the same.
    await inference.unload(embedding)
  })

  it('embeds more texts than go into a request, in their order', async () => {
    const texts = Array.from({ length: 66 }, (_, index) => `text ${index}`)
    const vectors = await deployment.inference.embed(texts)
    expect(vectors).toHaveLength(66)
    for (const vector of vectors) {
      expect(vector).toHaveLength(384)
      expect(norm(vector)).toBeCloseTo(1, 3)
    }
    const [alone] = await deployment.inference.embed([texts[65]!])
    expect(similarity(vectors[65]!, alone!)).toBeCloseTo(1, 3)
    expect(await deployment.inference.embed([])).toEqual([])
  })

  it('refuses a text that the model would cut off', async () => {
    await expect(deployment.inference.embed(['word '.repeat(2000)])).rejects.toMatchObject({
      reason: 'rejected',
      message: expect.stringContaining('exceeds the context length'),
    })
  })

  it('refuses vectors of another length than the deployment says', async () => {
    const other = await openDeployment(outputsOf({ ollama: ollama.url, dimensions: 768 }))
    await expect(other.inference.embed(['text'])).rejects.toThrow(
      'gives vectors of 384 numbers; the deployment says 768',
    )
    await other.close()
  })

  it('chats, and says how much and why it ended', async () => {
    const answer = await deployment.inference.chat(LONG, { maxTokens: 8 })
    expect(answer).toMatchObject({ tokens: 8, ended: 'length', thinking: '' })
    expect(answer.content).not.toBe('')
  })

  it('streams the same answer piece by piece', async () => {
    let content = ''
    for await (const part of deployment.inference.chatStream(LONG, { maxTokens: 8 })) {
      content += part.content
    }
    expect(content).not.toBe('')
  })

  it('ends the request when the one who reads the stream leaves, or gives up', async () => {
    for await (const part of deployment.inference.chatStream(LONG)) {
      expect(part.content).toEqual(expect.any(String))
      break
    }
    const controller = new AbortController()
    const stream = deployment.inference.chatStream(LONG, { signal: controller.signal })
    await stream.next()
    controller.abort(new Error('enough'))
    const rest = async () => {
      for await (const _ of stream);
    }
    await expect(rest()).rejects.toThrow('enough')
    // One at a time: were they still being answered, this would wait for minutes.
    await deployment.inference.chat(LONG, { maxTokens: 1, deadline: 60_000 })
  })

  it('gives up at the deadline', async () => {
    await expect(deployment.inference.chat(LONG, { deadline: 200 })).rejects.toMatchObject({
      reason: 'late',
    })
  })

  it('says that a model is missing, and what pulls it', async () => {
    const outputs = outputsOf({ ollama: ollama.url })
    const [embedding, ...others] = outputs.models
    const gone = { ...embedding, serves: 'none:latest' } as typeof embedding
    const other = await openDeployment({ ...outputs, models: [gone!, ...others] })
    expect((await other.inference.status())[0]).toMatchObject({ present: false })
    await expect(other.inference.embed(['text'])).rejects.toMatchObject({
      reason: 'missing',
      mend: expect.stringContaining('npm run models'),
    })
    await other.close()
  })

  describe('on a server with little room', () => {
    let narrow: RunningOllama
    let small: ConnectedDeployment

    beforeAll(async () => {
      narrow = await startOllama({
        modelsFolder: ollama.modelsFolder,
        // So many requests side by side want more memory for their contexts than this machine has; llama-server takes
        // no more than 256.
        env: {
          OLLAMA_NUM_PARALLEL: (await spawningOllama()) ? '256' : '10000',
          OLLAMA_CONTEXT_LENGTH: '8192',
          OLLAMA_MAX_QUEUE: '1',
        },
      })
      const { models, ...outputs } = outputsOf({ ollama: narrow.url })
      // By the name that pins no context.
      const unpinned = models.map(model => ({ ...model, serves: model.name }))
      small = await openDeployment({ ...outputs, models: unpinned })
    })
    afterAll(async () => {
      await small.close()
      await narrow.stop()
    })

    it('says that a model does not fit into memory, and what helps', async () => {
      await expect(small.inference.chat(question('hello'))).rejects.toMatchObject({
        reason: 'memory',
        mend: expect.stringContaining('npm run plan'),
      })
    })

    it('says that the queue is full; few spaced repeats get through once it is not', async () => {
      const model = small.inference.model('embedding')
      const server = small.inference.server(model)
      const atOnce = <T>(count: number, ask: () => Promise<T>) =>
        Promise.allSettled(Array.from({ length: count }, ask))
      // The queue is full while the model is loaded, which each request has done anew: how many come meanwhile is up to
      // how busy the machine is.
      const once = { deadline: 60_000, repeatable: false }
      const unkept = { model: model.serves, input: 'text', keep_alive: 0 }
      const refused: PromiseRejectedResult[] = []
      for (let wave = 0; refused.length === 0 && wave < 10; wave += 1) {
        const answers = await atOnce(32, () => server.call(once, client => client.embed(unkept)))
        refused.push(...answers.filter(answer => answer.status === 'rejected'))
      }
      expect(refused.length).toBeGreaterThan(0)
      for (const { reason } of refused) expect(reason).toMatchObject({ reason: 'busy' })

      const patient = await atOnce(8, () => small.inference.embed(['text']))
      expect(patient.every(answer => answer.status === 'fulfilled')).toBe(true)
    })
  })

  it('puts documents into the store by their text, and finds what is meant', async () => {
    const chroma: RunningChroma = await startChroma()
    const both = await openDeployment(outputsOf({ chroma: [chroma.url], ollama: ollama.url }))
    try {
      const creator = both.knowledge().creator('a baker')
      const filler = 'The shop is closed on Mondays. '
      await creator.upsert([
        { id: 'bread', text: 'Feed the sourdough starter with flour and water every day.' },
        { id: 'bank', text: 'The central bank raised its interest rate.' },
        { id: 'long', text: filler.repeat(40) },
      ])
      const [hit] = await creator.query({ text: 'How do I care for sourdough?' })
      expect(hit).toMatchObject({ document: 'bread', index: 0 })
      const long = await creator.get({ documents: ['long'] })
      expect(long.length).toBeGreaterThan(1)
      expect(long.map(({ text }) => text).join('')).toBe(filler.repeat(40))
    } finally {
      await both.close()
      await chroma.stop()
    }
  })

  it('says that the server died in the middle of an answer', async () => {
    const stream = deployment.inference.chatStream(LONG)
    await stream.next()
    await ollama.stop()
    const rest = async () => {
      for await (const _ of stream);
    }
    await expect(rest()).rejects.toMatchObject({ reason: 'unreachable' })
  })
})
