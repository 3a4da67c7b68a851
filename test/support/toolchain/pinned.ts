import { openDeployment } from '../../../checks/connected-deployment.ts'
import type { Outputs } from '../../../infra/outputs.ts'

/** With the digests that the server has now, and its store, as a provisioned deployment has them. */
export async function pinned(of: Outputs, modelsFolder: string): Promise<Outputs> {
  const opened = await openDeployment(of)
  const status = await opened.inference.status()
  await opened.close()
  const models = of.models.map((model, index) => ({
    ...model,
    digest: status[index]!.digest,
    servesDigest: status[index]!.servesDigest,
  }))
  const [pool] = of.ollama
  return { ...of, ollama: [{ ...pool, modelsFolder }], models: models as Outputs['models'] }
}
