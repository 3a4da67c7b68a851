import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { PROJECT_VERSION } from '../project.ts'

/** The image that is built from the project's own Dockerfile, where the stack names no other. */
export const OWN_IMAGE = `knowledge-stack:${PROJECT_VERSION}`

const REFERENCE =
  /^[a-z0-9]+([._:/-][a-z0-9]+|__[a-z0-9]+)*:(?!latest$)[A-Za-z0-9_][\w.-]{0,127}(@sha256:[0-9a-f]{64})?$/

/** By exact version. */
const Reference = z
  .string()
  .regex(REFERENCE, 'an image by exact version: chromadb/chroma:1.5.9, not latest')

/** The setting `images`. */
export const Images = z.strictObject({
  /** Of both servers their own of the stack's version, where the stack names no other. */
  chroma: Reference.optional(),
  ollama: Reference.optional(),
  /** The proxy in front of both, any user's. */
  front: Reference.default('nginxinc/nginx-unprivileged:1.28.0'),
  /** The project's own: the API, the checks, and what pulls models. */
  api: Reference.default(OWN_IMAGE),
  /** A registry that has copies of Docker Hub's images under their own names; Docker Hub itself when empty. */
  mirror: z
    .string()
    .regex(/^([a-z0-9][a-z0-9.:/_-]*[a-z0-9])?$/, 'host[:port][/path], without https://')
    .default(''),
})

/** Those of a stack, each named. */
export type NamedImages = z.infer<typeof Images> & { chroma: string; ollama: string }

/** The images of a stack, as a container engine is given them. */
export type ImageReferences = Record<'chroma' | 'ollama' | 'front' | 'api', string>

/** Image by version → digest of its manifest, which covers every architecture; written by `npm run images` alone. */
export const ImageLock = z.record(z.string(), z.string().regex(/^sha256:[0-9a-f]{64}$/))
export type ImageLock = z.infer<typeof ImageLock>

export const IMAGE_LOCK = fileURLToPath(new URL('../images.lock.json', import.meta.url))

/** From where, and by digest where the lock has one. */
export function resolveImages(
  { mirror, ...images }: NamedImages,
  lock: ImageLock = ImageLock.parse(JSON.parse(readFileSync(IMAGE_LOCK, 'utf8'))),
): ImageReferences {
  const resolved = Object.entries(images).map(([part, image]) => {
    const digest = image.includes('@') ? undefined : lock[image]
    return [part, `${mirrored(image, mirror)}${digest === undefined ? '' : `@${digest}`}`]
  })
  return Object.fromEntries(resolved)
}

/** A mirror has what is on Docker Hub: an image with a registry of its own, and the one made here, stay as they are. */
export function mirrored(image: string, mirror: string): string {
  const [host = ''] = image.split('/')
  const isElsewhere = image.includes('/') && /[.:]|^localhost$/.test(host)
  return mirror === '' || isElsewhere || image === OWN_IMAGE ? image : `${mirror}/${image}`
}
