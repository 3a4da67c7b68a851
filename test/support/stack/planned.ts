import { readManifest } from '../../../checks/models/model-files.ts'
import { estimateModel } from '../../../infra/capacity/model/estimate.ts'
import type { DeployedModel } from '../../../infra/outputs.ts'
import { architectureIn } from '../../../provision/models/gguf-file.ts'
import { PINS } from '../../../provision/toolchain/pinned-tools.ts'

/** A model of a store with what the planner sets aside for it on a CPU, read from its own file. */
export async function planned(model: DeployedModel, store: string): Promise<DeployedModel> {
  const { layers } = (await readManifest(store, model.name))!
  const { reserved, margin } = estimateModel((await architectureIn(layers, store))!, {
    ollama: PINS.ollama.version,
    contextLength: model.contextLength!,
    parallel: 1,
    kvCache: 'f16',
    gpuLayers: 0,
  })
  return {
    ...model,
    planned: {
      host: Math.ceil(reserved.host + margin.host),
      gpu: Math.ceil(reserved.gpu + margin.gpu),
    },
  }
}
