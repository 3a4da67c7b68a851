import { describe, expect, it } from 'vitest'
import {
  Images,
  mirrored,
  OWN_IMAGE,
  resolveImages,
} from '../../../infra/settings/image-settings.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}`
const OTHER = `sha256:${'cd'.repeat(32)}`

describe('the images of a stack', () => {
  it('are what the settings name, by version alone where the lock knows no digest', () => {
    const { images } = parseSettings('docker', { images: { ollama: 'ollama/ollama:0.17.5' } })
    expect(images.ollama).toBe('ollama/ollama:0.17.5')
    expect(images.api).toBe(OWN_IMAGE)
  })

  it('are taken by the digest that the lock has for just this version', () => {
    const chroma = 'chromadb/chroma:1.5.9'
    const images = { ...Images.parse({}), chroma, ollama: 'ollama/ollama:0.17.5' }
    const lock = { [images.chroma]: DIGEST, 'ollama/ollama:0.17.4': OTHER }
    expect(resolveImages(images, lock)).toMatchObject({
      chroma: `${images.chroma}@${DIGEST}`,
      ollama: 'ollama/ollama:0.17.5',
    })
  })

  it('keep the digest that the settings name, whatever the lock says', () => {
    const chroma = `chromadb/chroma:1.5.9@${OTHER}`
    const lock = { 'chromadb/chroma:1.5.9': DIGEST, [chroma]: DIGEST }
    const images = { ...Images.parse({}), chroma, ollama: 'ollama/ollama:0.17.5' }
    expect(resolveImages(images, lock).chroma).toBe(chroma)
  })

  it.each([
    ['chromadb/chroma:1.5.9', 'registry.example:5000/hub/chromadb/chroma:1.5.9'],
    ['ghcr.io/someone/chroma:1.5.9', 'ghcr.io/someone/chroma:1.5.9'],
    ['localhost/chroma:1', 'localhost/chroma:1'],
    [OWN_IMAGE, OWN_IMAGE],
  ])('come from the mirror where it is one of Docker Hub: %s', (image, from) => {
    expect(mirrored(image, 'registry.example:5000/hub')).toBe(from)
    expect(mirrored(image, '')).toBe(image)
  })

  it.each(['chromadb/chroma', 'chromadb/chroma:latest', 'https://x/y:1', 'Chroma:1', 'x:1 y', ''])(
    'are refused without an exact version: %j',
    chroma => {
      expect(() => parseSettings('docker', { images: { chroma } })).toThrow(
        /knowledge-stack:images.chroma .*exact version/,
      )
    },
  )
})
