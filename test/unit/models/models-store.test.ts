import { describe, expect, it } from 'vitest'
import { manifestPath, parseManifest } from '../../../checks/models/model-files.ts'

const digest = (fill: string) => `sha256:${fill.repeat(64)}`
const layer = { mediaType: 'application/vnd.ollama.image.model', digest: digest('a'), size: 7 }
const config = { mediaType: 'config', digest: digest('b'), size: 3 }
const manifest = { schemaVersion: 2, mediaType: 'manifest', config, layers: [layer] }

describe('where Ollama keeps a manifest', () => {
  it.each([
    ['smollm2:135m', 'registry.ollama.ai/library/smollm2/135m'],
    ['all-minilm', 'registry.ollama.ai/library/all-minilm/latest'],
    ['someone/model:1b', 'registry.ollama.ai/someone/model/1b'],
    ['127.0.0.1:5000/library/gpt-oss:20b', '127.0.0.1:5000/library/gpt-oss/20b'],
  ])('%s', (name, path) => {
    expect(manifestPath('/models', name)).toBe(`/models/manifests/${path}`)
  })
})

describe('reading a manifest', () => {
  it('counts the configuration among the layers', () => {
    expect(parseManifest(JSON.stringify(manifest))).toMatchObject({
      layers: [layer, config],
      sizeBytes: 10,
    })
  })

  it('has the same digest wherever the model was imported', () => {
    const pulled = parseManifest(JSON.stringify(manifest))
    const from = `/some/store/blobs/${layer.digest}`
    const imported = parseManifest(
      `${JSON.stringify({ ...manifest, layers: [{ ...layer, from }] })}\n`,
    )
    expect(imported.digest).toBe(pulled.digest)
    expect(imported.text).not.toContain('/some/store')
  })

  it('has another digest when a layer is another', () => {
    const other = { ...manifest, layers: [{ ...layer, digest: digest('c') }] }
    const digests = [manifest, other].map(file => parseManifest(JSON.stringify(file)).digest)
    expect(digests[0]).not.toBe(digests[1])
  })

  it('takes no digest that is a path', () => {
    const bad = { ...manifest, layers: [{ ...layer, digest: 'sha256:../../etc/passwd' }] }
    expect(() => parseManifest(JSON.stringify(bad))).toThrow()
  })
})
