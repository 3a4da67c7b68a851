import * as docker from '@pulumi/docker'
import * as pulumi from '@pulumi/pulumi'
import { type Egress, ownCertificates } from '../egress/egress-settings.ts'
import { PROJECT_ROOT } from '../project.ts'
import { type ImageReferences, OWN_IMAGE } from '../settings/image-settings.ts'

/** The images on the machine, by their ids: another id is another container. */
export type StackImages = Record<keyof ImageReferences, pulumi.Output<string>>

/** Pulls the images that the machine lacks, and builds the project's own where the stack names no other. */
export function stackImages(
  stack: string,
  references: ImageReferences,
  egress: Egress,
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
    api: references.api === OWN_IMAGE ? built(stack, egress, options) : pulled('api'),
  }
}

/** As the official provider takes it, with a word at every update, when none is named. */
const platform = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`

const built = (stack: string, egress: Egress, options: pulumi.CustomResourceOptions) => {
  const build = { context: PROJECT_ROOT, dockerfile: `${PROJECT_ROOT}/Dockerfile`, platform }
  const args = buildArgs(egress)
  return new docker.Image(
    `${stack}-api`,
    {
      imageName: OWN_IMAGE,
      build: Object.keys(args).length === 0 ? build : pulumi.secret({ ...build, args }),
      skipPush: true,
    },
    options,
  ).repoDigest
}

/** The build asks the package registry. Docker knows the proxy's by name, and keeps them out of the image's history. */
function buildArgs(egress: Egress): Record<string, string> {
  const certificates = ownCertificates(egress)
  return {
    ...(egress.proxy !== undefined && { HTTPS_PROXY: egress.proxy, NO_PROXY: egress.noProxy }),
    ...(certificates !== undefined && { CERTIFICATES: certificates }),
  }
}
