import { describe, expect, it } from 'vitest'
import { manifestPath } from '../../../checks/models/model-files.ts'
import { modelAddress, servedName, withTag } from '../../../infra/settings/model-definition.ts'

describe('the name of a model', () => {
  it.each([
    ['smollm2:135m', undefined, 'library', 'smollm2', '135m'],
    ['smollm2', undefined, 'library', 'smollm2', 'latest'],
    ['team/tiny:1b', undefined, 'team', 'tiny', '1b'],
    ['hf.co/org/Model-GGUF:Q4_K_M', 'hf.co', 'org', 'Model-GGUF', 'Q4_K_M'],
    [
      'registry.example.org:5000/team/llama',
      'registry.example.org:5000',
      'team',
      'llama',
      'latest',
    ],
  ])('says where it is: %s', (name, host, namespace, model, tag) => {
    expect(modelAddress(name)).toEqual({ host, namespace, model, tag })
  })

  it('gets its tag behind the last part, and not behind a port', () => {
    const name = 'registry.example.org:5000/team/llama'
    expect(withTag(name)).toBe(`${name}:latest`)
    expect(servedName(name, 4096)).toBe(`${name}:latest-ctx4096`)
  })

  it('says where Ollama keeps its manifest', () => {
    expect(manifestPath('/models', 'registry.example.org:5000/team/llama')).toBe(
      '/models/manifests/registry.example.org:5000/team/llama/latest',
    )
  })
})
