import { KNOWN_GPUS, usableGpuMemory } from '../../../infra/capacity/hardware/hardware.ts'
import { type Estimate, estimateModel } from '../../../infra/capacity/model/estimate.ts'
import { catalogArchitecture } from '../../../infra/capacity/stack-plan.ts'
import { CATALOG } from '../../../infra/settings/model-catalog.ts'
import type { ModelDefinition } from '../../../infra/settings/model-definition.ts'
import { formatBytes, MiB } from '../../../infra/units.ts'
import { PINS } from '../../../provision/toolchain/pinned-tools.ts'
import { table } from './table.ts'

/** Tokens that the models are planned with here, where they take as many. */
const CONTEXT = 4096

export const capacityTables = (): Record<string, string> => ({
  'model-estimates': modelsTable(),
  gpus: gpusTable(),
})

function modelsTable(): string {
  const rows = CATALOG.filter(({ figures }) => figures !== undefined).map(model => {
    const contextLength = Math.min(CONTEXT, model.contextLength)
    const onCpu = estimate(model, contextLength, 0)
    const onGpu = estimate(model, contextLength, 'all')
    return [
      `\`${model.name}\``,
      model.role,
      formatBytes(model.sizeBytes),
      `${contextLength}`,
      `${setAside(onCpu, 'host')}${onCpu.measured ? '' : ' *'}`,
      `${setAside(onGpu, 'gpu')} *`,
    ]
  })
  return table(['Model', 'Role', 'File', 'Context', 'On the CPU', 'On a GPU'], rows)
}

const estimate = (model: ModelDefinition, contextLength: number, gpuLayers: 0 | 'all'): Estimate =>
  estimateModel(catalogArchitecture(model), {
    ollama: PINS.ollama.version,
    contextLength,
    parallel: 1,
    kvCache: 'f16',
    gpuLayers,
  })

/** With the margin. */
const setAside = ({ reserved, margin }: Estimate, where: 'host' | 'gpu'): string =>
  formatBytes(reserved[where] + margin[where])

const gpusTable = (): string =>
  table(
    ['GPU', 'Reported', 'Planned with'],
    Object.entries(KNOWN_GPUS).map(([product, { mib }]) => [
      product,
      `${mib} MiB`,
      formatBytes(usableGpuMemory(mib * MiB)),
    ]),
  )
