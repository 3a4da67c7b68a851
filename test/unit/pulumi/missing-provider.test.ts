import { describe, expect, it } from 'vitest'
import { missingProvider } from '../../../provision/pulumi/missing-provider.ts'

/** What the engine 3.250.0 said where no provider of Docker was on PATH and nothing could be downloaded. */
const SEEN =
  "error: could not load provider for resource urn:pulumi:docker::knowledge-stack::knowledge:docker:Deployment$docker:index/remoteImage:RemoteImage::docker-ollama: could not create provider urn:pulumi:docker::knowledge-stack::pulumi:providers:docker::default: load plugin for docker provider 'urn:pulumi:docker::knowledge-stack::pulumi:providers:docker::default': Could not automatically download and install resource plugin 'pulumi-resource-docker' at version v5.2.0, install the plugin using `pulumi plugin install resource docker v5.2.0`: error downloading provider docker to file: failed to download plugin: docker-5.2.0: failed all 5 attempts"

describe('a provider that is not there', () => {
  it('is named with its version, the reason, and where it is to be had', () => {
    const { message, mend, kind } = missingProvider(SEEN)!
    expect(kind).toBe('unavailable')
    expect(message).toMatch(
      /^Pulumi's provider docker 5\.2\.0 is not on PATH and cannot be downloaded: failed all 5 attempts$/,
    )
    expect(mend).toContain(
      'pulumi-resource-docker of https://github.com/pulumi/pulumi-docker/releases/tag/v5.2.0',
    )
  })

  it('is not taken for another error', () => {
    expect(missingProvider('error: the stack is locked')).toBeUndefined()
  })
})
