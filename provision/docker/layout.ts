import { EMBEDDING_LABEL, INSTANCES_LABEL, SHARDS_LABEL } from '../../infra/docker/names.ts'
import type { Layout } from '../../infra/layout.ts'
import type { Settings } from '../../infra/settings.ts'
import { ofStack } from './containers.ts'
import { askEngine } from './engine.ts'

/** How the data was laid out when its volumes were made, as they say themselves; undefined where there are none. */
export const volumesLayout = (settings: Settings): Promise<Partial<Layout> | undefined> =>
  askEngine(async docker => {
    const { Volumes } = await docker.listVolumes(ofStack(settings))
    const labels = Volumes.map(({ Labels }) => Labels ?? {}).find(label => SHARDS_LABEL in label)
    if (labels === undefined) return undefined
    const embeddingModel = labels[EMBEDDING_LABEL]
    return {
      shards: Number(labels[SHARDS_LABEL]),
      instances: Number(labels[INSTANCES_LABEL]),
      ...(embeddingModel !== undefined && { embeddingModel }),
    }
  })
