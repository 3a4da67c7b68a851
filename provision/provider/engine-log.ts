import engine from '@pulumi/pulumi/proto/engine_pb.js'
// The whole SDK takes half a second to load, at every start of the provider.
import { getEngine, resetOptions } from '@pulumi/pulumi/runtime/settings.js'

/**
 * Says how far a resource is, in the line that the engine shows for it. The Node SDK has such a call for
 * programs only; this is the same request with the resource's URN.
 */
export function engineLog(engineAddress: string): (urn: string, text: string) => void {
  resetOptions('', '', 1, engineAddress, '', false, '')
  return (urn, text) => {
    const request = new engine.LogRequest()
    request.setSeverity(engine.LogSeverity.INFO)
    request.setUrn(urn)
    request.setMessage(text)
    // Shown while it happens, and not kept in the summary of the update.
    request.setEphemeral(true)
    // A line that did not arrive is not worth failing for.
    getEngine()?.log(request, () => undefined)
  }
}
