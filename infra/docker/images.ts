import * as docker from '@pulumi/docker'
import type * as pulumi from '@pulumi/pulumi'
import { type ImageReferences, OWN_IMAGE } from '../images.ts'
import { PROJECT_ROOT } from '../project.ts'

/** The images on the machine, by their ids: another id is another container. */
export type StackImages = Record<keyof ImageReferences, pulumi.Output<string>>

/** Pulls the images that the machine lacks, and builds the project's own where the stack names no other. */
export function stackImages(
  stack: string,
  references: ImageReferences,
  options: pulumi.CustomResourceOptions,
): StackImages {
  const pulled = (part: keyof ImageReferences) =>
    new docker.RemoteImage(
      `${stack}-${part}`,
      // Other stacks of the machine may run it.
      { name: references[part], keepLocally: true },
      options,
    ).imageId
  return {
    chroma: pulled('chroma'),
    ollama: pulled('ollama'),
    front: pulled('front'),
    api: references.api === OWN_IMAGE ? built(stack, options) : pulled('api'),
  }
}

const built = (stack: string, options: pulumi.CustomResourceOptions): pulumi.Output<string> =>
  new docker.Image(
    `${stack}-api`,
    {
      imageName: OWN_IMAGE,
      build: { context: PROJECT_ROOT, dockerfile: `${PROJECT_ROOT}/Dockerfile` },
      skipPush: true,
    },
    options,
  ).repoDigest
