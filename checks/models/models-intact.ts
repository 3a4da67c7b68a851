import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { DeployedModel } from '../../infra/outputs.ts'
import { formatBytes } from '../../infra/units.ts'
import {
  type Check,
  type CheckContext,
  type Finding,
  failed,
  passed,
  skipped,
  together,
} from '../check.ts'
import { hashFile } from './hash-file.ts'
import { blobPath, type ManifestLayer, readManifest } from './model-files.ts'

/**
 * Ollama takes a file that is in its store for good, whatever it holds. So the files are compared with the
 * manifests where the store can be read: their sizes, and with `deep` every byte.
 */
export default {
  name: 'models-intact',
  proves: "The models' files on disk are what their manifests say",
  after: ['models-present'],
  async run(context) {
    const findings: Finding[] = []
    for (const { pool, modelsFolder } of context.deployment.outputs.ollama) {
      const models = context.deployment.outputs.models.filter(model => model.pool === pool)
      findings.push(
        modelsFolder === undefined
          ? skipped(`the model store of the pool ${pool} cannot be read from here`)
          : await look(modelsFolder, models, context),
      )
    }
    return together(findings)
  },
} satisfies Check

async function look(folder: string, models: DeployedModel[], context: CheckContext) {
  const layers = new Map<string, ManifestLayer>()
  for (const name of models.flatMap(model => [model.name, model.serves])) {
    const manifest = await readManifest(folder, name)
    if (manifest === undefined) return failed(`${folder} has no readable manifest of ${name}`, MEND)
    for (const layer of manifest.layers) layers.set(layer.digest, layer)
  }
  for (const layer of layers.values()) {
    const wrong = await whatIsWrong(blobPath(folder, layer.digest), layer, context)
    if (wrong !== undefined) return failed(wrong, MEND)
  }
  const bytes = [...layers.values()].reduce((sum, { size }) => sum + size, 0)
  const how = context.deep ? 'read to the last byte' : 'complete by size'
  return passed(`${layers.size} files, ${formatBytes(bytes)}, ${how}`)
}

const MEND = 'pull the models again: npm run models'

async function whatIsWrong(
  path: string,
  { digest, size }: ManifestLayer,
  { deep, signal }: CheckContext,
) {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return `${basename(path)} is missing`
  if (found.size !== size)
    return `${basename(path)} has ${found.size} bytes and should have ${size}`
  if (!deep) return undefined
  const hash = await hashFile(path, size, { report() {}, signal })
  return `sha256:${hash}` === digest
    ? undefined
    : `${basename(path)} holds other bytes than its name says`
}
