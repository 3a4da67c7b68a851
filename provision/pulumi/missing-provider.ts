import { Failure } from '../../infra/failure.ts'

/** Of a provider of Pulumi's own that is not on PATH and that the engine cannot download either (3.250.0). */
const MISSING =
  /Could not automatically download and install resource plugin 'pulumi-resource-([\w-]+)' at version v?([\d.]+)(.*)/

/** @returns what mends it; undefined for any other error */
export function missingProvider(text: string): Failure | undefined {
  const [, name, version, detail = ''] = MISSING.exec(text) ?? []
  if (name === undefined) return undefined
  const reason = detail.split(': ').at(-1)
  return new Failure(
    'unavailable',
    `Pulumi's provider ${name} ${version} is not on PATH and cannot be downloaded: ${reason}`,
    {
      mend: `let get.pulumi.com be reached, or put pulumi-resource-${name} of https://github.com/pulumi/pulumi-${name}/releases/tag/v${version} on PATH`,
    },
  )
}
